import type { EpochMs } from "../../model/time.js";
import type { BudgetCharge } from "../port/budgets.js";

/** The state of a budget: when its units were spent, in order, and its hold. */
export interface BudgetState {
  readonly spent: readonly EpochMs[];
  readonly holdUntil: EpochMs;
}

/** Returns when the charge can be granted. 0 or a past time means now. */
export function refusedUntil(charge: BudgetCharge, { spent, holdUntil }: BudgetState, now: EpochMs): EpochMs {
  let until = isHeld(charge, holdUntil, now) ? holdUntil : 0;
  for (const { max, windowMs } of charge.limits) {
    const counted = within(spent, windowMs, now);
    const freeing = max > 0 ? counted[counted.length - max] : now;
    if (freeing !== undefined) until = Math.max(until, freeing + windowMs);
  }
  return until;
}

/** Ignores a hold that ends more than twice as late as any hold could: it dates from before the clock was set back. */
function isHeld(charge: BudgetCharge, holdUntil: EpochMs, now: EpochMs): boolean {
  if (holdUntil <= now) return false;
  const longest = Math.max(...(charge.hold?.stepsMs ?? []).map((_, spentBefore) => holdMs(charge, spentBefore)));
  return longest === -Infinity || holdUntil - now <= 2 * longest;
}

/** Returns how long a granted charge holds its key, in milliseconds. 0 means that there is no hold. */
export function holdMs(charge: BudgetCharge, spentBefore: number): number {
  const steps = charge.hold?.stepsMs;
  if (charge.hold === undefined || steps === undefined || steps.length === 0) return 0;
  return Math.round(steps[Math.min(spentBefore, steps.length - 1)]! * charge.hold.jitter);
}

export function longestWindow(charge: BudgetCharge): number {
  let longest = 0;
  for (const { windowMs } of charge.limits) longest = Math.max(longest, windowMs);
  return longest;
}

/**
 * Returns the times that fall into the window ending now. A unit is free again exactly `windowMs` after it was spent. Ignores
 * times that are a whole window ahead: they date from before the clock was set back.
 */
export function within(times: readonly EpochMs[], windowMs: number, now: EpochMs): EpochMs[] {
  return times.filter((time) => time > now - windowMs && time < now + windowMs);
}
