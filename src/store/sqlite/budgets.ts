import type { Database } from "better-sqlite3";
import type { BudgetClaim, BudgetReturn, EpochMs, Limited } from "../store.js";

interface BudgetRow {
  spent: string;
  hold_until: EpochMs;
}

/** A claim that would be granted, with what the budget holds now. */
export interface Grantable {
  readonly claim: BudgetClaim;
  readonly spent: EpochMs[];
}

export interface Budgets {
  /** Whether all claims would be granted now; writes nothing. */
  check(claims: readonly BudgetClaim[], now: EpochMs): Grantable[] | Limited;
  /** Spends what `check` granted in the same transaction; gives the hold that the first claim put on its key, or `now`. */
  spend(grantable: readonly Grantable[], now: EpochMs): EpochMs;
  giveBack(returns: readonly BudgetReturn[], now: EpochMs): void;
}

/**
 * A budget is one row: the times at which its units were spent, which makes every window exact. Rows stay short because an
 * allowance is: at most as many times as the largest `max`.
 */
export function createBudgets(db: Database): Budgets {
  const select = db.prepare<[Uint8Array], BudgetRow>("SELECT spent, hold_until FROM budgets WHERE key = ?");
  const upsert = db.prepare<[Uint8Array, string, EpochMs, EpochMs]>(`
    INSERT INTO budgets (key, spent, hold_until, expires_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, hold_until = excluded.hold_until, expires_at = excluded.expires_at`);
  const update = db.prepare<[string, EpochMs, Uint8Array]>("UPDATE budgets SET spent = ?, hold_until = ? WHERE key = ?");
  const remove = db.prepare<[Uint8Array]>("DELETE FROM budgets WHERE key = ?");

  return {
    check(claims, now) {
      const grantable: Grantable[] = [];
      let retryAt = 0;
      for (const claim of claims) {
        const row = select.get(claim.key);
        const spent = within(row === undefined ? [] : parseTimes(row.spent), longestWindow(claim), now);
        retryAt = Math.max(retryAt, refusedUntil(claim, spent, row?.hold_until ?? 0, now));
        grantable.push({ claim, spent });
      }
      return retryAt > now ? { kind: "limited", retryAt } : grantable;
    },

    spend(grantable, now) {
      let firstHold = now;
      for (const [index, { claim, spent }] of grantable.entries()) {
        const held = holdMs(claim, spent.length);
        // No hold is none at all: not even one until now, which a process with a slower clock would wait for.
        const holdUntil = held > 0 ? now + held : 0;
        if (index === 0) firstHold = now + held;
        // Clocks of processes differ a little: kept in order, the times say exactly when the next unit is free.
        spent.push(now);
        spent.sort((a, b) => a - b);
        upsert.run(claim.key, formatTimes(spent), holdUntil, Math.max(holdUntil, now + longestWindow(claim)));
      }
      return firstHold;
    },

    giveBack(returns, now) {
      for (const one of returns) {
        const row = select.get(one.key);
        if (row === undefined) continue;
        const spent = parseTimes(row.spent);
        const latest = Math.max(one.spentAt, ...spent);
        const holdUntil = Math.min(row.hold_until, latest + (one.holdUntil ?? Infinity) - one.spentAt);
        const index = spent.indexOf(one.spentAt);
        if (index >= 0) spent.splice(index, 1);
        if (spent.length === 0 && holdUntil <= now) remove.run(one.key);
        else update.run(formatTimes(spent), holdUntil, one.key);
      }
    },
  };
}

function refusedUntil(claim: BudgetClaim, spent: readonly EpochMs[], holdUntil: EpochMs, now: EpochMs): EpochMs {
  let until = holdUntil > now ? holdUntil : 0;
  for (const { max, windowMs } of claim.limits) {
    const counted = within(spent, windowMs, now);
    const freeing = max > 0 ? counted[counted.length - max] : now;
    if (freeing !== undefined) until = Math.max(until, freeing + windowMs);
  }
  return until;
}

function holdMs(claim: BudgetClaim, spentBefore: number): number {
  const steps = claim.hold?.stepsMs;
  if (claim.hold === undefined || steps === undefined || steps.length === 0) return 0;
  return Math.round(steps[Math.min(spentBefore, steps.length - 1)]! * claim.hold.jitter);
}

function longestWindow(claim: BudgetClaim): number {
  let longest = 0;
  for (const { windowMs } of claim.limits) longest = Math.max(longest, windowMs);
  return longest;
}

/** The times that a window ending now still holds; a unit is free again exactly `windowMs` after it was spent. */
function within(times: readonly EpochMs[], windowMs: number, now: EpochMs): EpochMs[] {
  return times.filter((time) => time > now - windowMs);
}

function parseTimes(text: string): EpochMs[] {
  return text === "" ? [] : text.split(",").map(Number);
}

function formatTimes(times: readonly EpochMs[]): string {
  return times.join(",");
}
