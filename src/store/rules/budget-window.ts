import type { BudgetClaim, EpochMs } from "../store.js";

/** What a budget holds: when its units were spent, in order, and a hold. */
export interface BudgetState {
  readonly spent: readonly EpochMs[];
  readonly holdUntil: EpochMs;
}

/** When the claim can be granted, 0 or a past time being now. */
export function refusedUntil(claim: BudgetClaim, { spent, holdUntil }: BudgetState, now: EpochMs): EpochMs {
  let until = holdUntil > now ? holdUntil : 0;
  for (const { max, windowMs } of claim.limits) {
    const counted = within(spent, windowMs, now);
    const freeing = max > 0 ? counted[counted.length - max] : now;
    if (freeing !== undefined) until = Math.max(until, freeing + windowMs);
  }
  return until;
}

/** How long a granted claim holds its key; 0: not at all. */
export function holdMs(claim: BudgetClaim, spentBefore: number): number {
  const steps = claim.hold?.stepsMs;
  if (claim.hold === undefined || steps === undefined || steps.length === 0) return 0;
  return Math.round(steps[Math.min(spentBefore, steps.length - 1)]! * claim.hold.jitter);
}

export function longestWindow(claim: BudgetClaim): number {
  let longest = 0;
  for (const { windowMs } of claim.limits) longest = Math.max(longest, windowMs);
  return longest;
}

/** The times that a window ending now still holds; a unit is free again exactly `windowMs` after it was spent. */
export function within(times: readonly EpochMs[], windowMs: number, now: EpochMs): EpochMs[] {
  return times.filter((time) => time > now - windowMs);
}
