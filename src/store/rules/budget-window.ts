import type { EpochMs } from "../../model/time.js";
import { type BudgetCharge, exactMax } from "../port/budgets.js";

/** Units that were spent at `at`, or in the sub-window whose last millisecond is `at`. */
export interface Spent {
  readonly at: EpochMs;
  readonly count: number;
}

/** The state of a budget: when its units were spent, in order, and its hold. */
export interface BudgetState {
  readonly spent: readonly Spent[];
  readonly holdUntil: EpochMs;
}

/** Returns when the charge can be granted. 0 or a past time means now. */
export function refusedUntil(charge: BudgetCharge, { spent, holdUntil }: BudgetState, now: EpochMs): EpochMs {
  let until = isHeld(charge, holdUntil, now) ? holdUntil : 0;
  for (const { max, windowMs } of limitsOf(charge)) {
    const freeing = max > 0 ? latest(within(spent, windowMs, now), max) : now;
    if (freeing !== undefined) until = Math.max(until, freeing + windowMs);
  }
  return until;
}

/** Returns the limits under which a charge of one unit is granted when this one is. */
export function limitsOf({ limits, units = 1 }: BudgetCharge): BudgetCharge["limits"] {
  if (units === 1) return limits;
  return limits.map(({ max, windowMs }) => ({ max: max === 0 ? 0 : Math.max(max - units + 1, 1), windowMs }));
}

/** Returns the time of the nth latest unit, or undefined if there are fewer. */
function latest(spent: readonly Spent[], nth: number): EpochMs | undefined {
  let units = 0;
  return spent.findLast(({ count }) => {
    units += count;
    return units >= nth;
  })?.at;
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

/** Returns the length of the sub-windows that the charge counts in. 1 means that each unit keeps its own time. */
export function stepOf({ limits }: Pick<BudgetCharge, "limits">): number {
  let stepMs = Infinity;
  for (const { max, windowMs } of limits) if (max > exactMax) stepMs = Math.min(stepMs, Math.ceil(windowMs / exactMax));
  return stepMs === Infinity ? 1 : stepMs;
}

/**
 * Returns the units that fall into the window ending now. A unit is free again exactly `windowMs` after it was spent. Ignores
 * times that are a whole window ahead: they date from before the clock was set back.
 */
export function within(spent: readonly Spent[], windowMs: number, now: EpochMs): Spent[] {
  return spent.filter(({ at }) => at > now - windowMs && at < now + windowMs);
}

export function unitsIn(spent: readonly Spent[]): number {
  let units = 0;
  for (const { count } of spent) units += count;
  return units;
}

/**
 * Adds units that are spent now. In sub-windows a unit moves to the last millisecond of its own: it counts until all of it has
 * left the window, so at most one sub-window too long and never too short.
 */
export function withUnits(
  spent: readonly Spent[],
  { stepMs, units, now }: { readonly stepMs: number; readonly units: number; readonly now: EpochMs },
): Spent[] {
  const all = [...spent, ...Array.from({ length: units }, () => ({ at: now, count: 1 }))];
  // Clocks of processes differ a little. Sorted times say exactly when the next unit is free.
  if (stepMs === 1) return all.sort((a, b) => a.at - b.at);
  const counts = new Map<EpochMs, number>();
  for (const { at, count } of all) {
    const end = endOfStep(at, stepMs);
    counts.set(end, (counts.get(end) ?? 0) + count);
  }
  return [...counts].map(([at, count]) => ({ at, count })).sort((a, b) => a.at - b.at);
}

/** Removes the unit that was spent at `spentAt`, when the budget counted in these steps. Returns null if it is not there. */
export function withoutUnit(spent: readonly Spent[], stepMs: number, spentAt: EpochMs): Spent[] | null {
  const end = endOfStep(spentAt, stepMs);
  const index = spent.findIndex(({ at }) => at === end);
  if (index < 0) return null;
  const { at, count } = spent[index]!;
  return spent.toSpliced(index, 1, ...(count > 1 ? [{ at, count: count - 1 }] : []));
}

function endOfStep(at: EpochMs, stepMs: number): EpochMs {
  return at - (at % stepMs) + stepMs - 1;
}
