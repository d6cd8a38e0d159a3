import type { BudgetClaim, EpochMs } from "../store.js";

/** What a budget holds: when its units were spent, in order, and a hold. */
export interface BudgetState {
  readonly spent: readonly EpochMs[];
  readonly holdUntil: EpochMs;
}

/** When the claim can be granted, 0 or a past time being now. */
export function refusedUntil(claim: BudgetClaim, { spent, holdUntil }: BudgetState, now: EpochMs): EpochMs {
  let until = isHeld(claim, holdUntil, now) ? holdUntil : 0;
  for (const { max, windowMs } of claim.limits) {
    const counted = within(spent, windowMs, now);
    const freeing = max > 0 ? counted[counted.length - max] : now;
    if (freeing !== undefined) until = Math.max(until, freeing + windowMs);
  }
  return until;
}

/** A hold that is twice as far away as any that is put on is left from before the clock was set back. */
function isHeld(claim: BudgetClaim, holdUntil: EpochMs, now: EpochMs): boolean {
  if (holdUntil <= now) return false;
  const longest = Math.max(...(claim.hold?.stepsMs ?? []).map((_, spentBefore) => holdMs(claim, spentBefore)));
  return longest === -Infinity || holdUntil - now <= 2 * longest;
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

/**
 * The times that a window ending now still holds; a unit is free again exactly `windowMs` after it was spent. Those that are a whole
 * window ahead are left from before the clock was set back: nobody has to wait until it has caught up with them.
 */
export function within(times: readonly EpochMs[], windowMs: number, now: EpochMs): EpochMs[] {
  return times.filter((time) => time > now - windowMs && time < now + windowMs);
}
