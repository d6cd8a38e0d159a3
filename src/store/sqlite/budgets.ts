import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { BudgetCharge, BudgetReturn, Limited } from "../port/budgets.js";
import type { Store } from "../port/store.js";
import { holdMs, longestWindow, refusedUntil, within } from "../rules/budget-window.js";
import { failuresKeptMs } from "../rules/kept.js";
import type { Lockouts } from "./lockouts.js";
import type { Writer } from "./writer.js";

interface BudgetRow {
  spent: string;
  hold_until: EpochMs;
  failures: number;
  expires_at: EpochMs;
}

/** A charge that can be granted, with the times that its budget holds now and its consecutive failures. */
export interface Grantable {
  readonly charge: BudgetCharge;
  readonly spent: EpochMs[];
  readonly failures: number;
  /** When the failures are forgotten, unless there is another. */
  readonly failuresUntil: EpochMs;
}

export interface Budgets {
  /** Returns what all charges would spend, or `Limited` if one of them is refused. Writes nothing. */
  check(charges: readonly BudgetCharge[], now: EpochMs): Grantable[] | Limited;
  /**
   * Spends what `check` granted in the same transaction. Returns when the hold of the first charge ends, or `now` if it has
   * none. Without `counting` the charges with `countsFailures` count none.
   */
  spend(grantable: readonly Grantable[], now: EpochMs, how?: { readonly counting: boolean }): EpochMs;
  /** Writes the budgets unchanged, so that a hidden refusal costs the same writes as a grant. */
  rewrite(charges: readonly BudgetCharge[]): void;
  giveBack(returns: readonly BudgetReturn[], now: EpochMs): void;
  failuresOf(key: Uint8Array, now: EpochMs): number;
  resetFailures(key: Uint8Array): void;
  remove(key: Uint8Array): void;
}

/**
 * A budget is one row with the times at which its units were spent, which makes every window exact. A row stays short: it has
 * at most as many times as the largest `max`.
 */
export function createBudgets(db: Database): Budgets {
  const select = db.prepare<[Uint8Array], BudgetRow>(
    "SELECT spent, hold_until, failures, expires_at FROM budgets WHERE key = ?",
  );
  const upsert = db.prepare<[Uint8Array, string, EpochMs, number, EpochMs]>(`
    INSERT INTO budgets (key, spent, hold_until, failures, expires_at) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, hold_until = excluded.hold_until, failures = excluded.failures,
      expires_at = excluded.expires_at`);
  // Leaves the units alone: a charge without limits only counts.
  const count = db.prepare<[Uint8Array, number, EpochMs]>(`
    INSERT INTO budgets (key, spent, hold_until, failures, expires_at) VALUES (?, '[]', 0, ?, ?)
    ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, expires_at = excluded.expires_at`);
  const update = db.prepare<[string, EpochMs, Uint8Array]>(
    "UPDATE budgets SET spent = ?, hold_until = ?, failures = 0 WHERE key = ?",
  );
  const resetFailures = db.prepare<[Uint8Array]>("UPDATE budgets SET failures = 0 WHERE key = ? AND failures > 0");
  const same = db.prepare<[Uint8Array]>("UPDATE budgets SET spent = spent, expires_at = expires_at WHERE key = ?");
  const removeLast = db.prepare<[Uint8Array, string, EpochMs, EpochMs, EpochMs]>(
    "DELETE FROM budgets WHERE key = ? AND spent = ? AND (? <= ? OR hold_until <= ?)",
  );
  const remove = db.prepare<[Uint8Array]>("DELETE FROM budgets WHERE key = ?");

  return {
    check(charges, now) {
      const grantable: Grantable[] = [];
      let retryAt = 0;
      for (const charge of charges) {
        const row = select.get(charge.key);
        const spent = within(row === undefined ? [] : parseTimes(row.spent), longestWindow(charge), now);
        retryAt = Math.max(retryAt, refusedUntil(charge, { spent, holdUntil: row?.hold_until ?? 0 }, now));
        const failures = failuresIn(row, now);
        grantable.push({ charge, spent, failures, failuresUntil: failures === 0 ? 0 : row!.expires_at });
      }
      return retryAt > now ? { kind: "limited", retryAt } : grantable;
    },

    spend(grantable, now, { counting } = { counting: true }) {
      let firstHold = now;
      for (const [index, { charge, spent, failures: before, failuresUntil }] of grantable.entries()) {
        const counts = charge.failuresShare !== undefined || (charge.countsFailures === true && counting);
        const failures = counts ? before + 1 : before;
        const keptUntil = counts ? now + failuresKeptMs : failuresUntil;
        if (charge.limits.length === 0 && charge.countsFailures === true) {
          count.run(charge.key, failures, keptUntil);
          continue;
        }
        const held = holdMs(charge, spent.length);
        // Without a hold, store 0 and not `now`: a process with a slower clock would wait until `now`.
        const holdUntil = held > 0 ? now + held : 0;
        if (index === 0) firstHold = now + held;
        // Clocks of processes differ a little. Sorted times say exactly when the next unit is free.
        spent.push(now);
        spent.sort((a, b) => a - b);
        const expiresAt = Math.max(holdUntil, now + longestWindow(charge), keptUntil);
        upsert.run(charge.key, formatTimes(spent), holdUntil, failures, expiresAt);
      }
      return firstHold;
    },

    rewrite(charges) {
      for (const { key } of charges) same.run(key);
    },

    giveBack(returns, now) {
      for (const one of returns) {
        // The common case: the unit is the only one, so the row can go.
        if (removeLast.run(one.key, formatTimes([one.spentAt]), one.holdUntil ?? Number.MAX_SAFE_INTEGER, now, now).changes > 0)
          continue;
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

    failuresOf: (key, now) => failuresIn(select.get(key), now),
    resetFailures(key) {
      resetFailures.run(key);
    },
    remove(key) {
      remove.run(key);
    },
  };
}

export function createBudgetOperations(
  writer: Writer,
  { budgets, lockouts }: { readonly budgets: Budgets; readonly lockouts: Lockouts },
): Store["budgets"] {
  return {
    countFailures: ({ keys, now }) => writer.readTogether(() => keys.map((key) => budgets.failuresOf(key, now))),
    forgive: ({ spent, failures, lockouts: ended }) =>
      writer.write(() => {
        for (const key of spent) budgets.remove(key);
        for (const key of failures) budgets.resetFailures(key);
        for (const key of ended) lockouts.clear(key);
      }),
    spend: ({ charges, now }) =>
      writer.writeUnflushed(() => {
        const granted = budgets.check(charges, now);
        if ("kind" in granted) return granted;
        budgets.spend(granted, now);
        return null;
      }),
  };
}

function failuresIn(row: BudgetRow | undefined, now: EpochMs): number {
  return row === undefined || row.expires_at <= now ? 0 : row.failures;
}

/** Times are stored as a JSON array, which SQL can read as well. */
function parseTimes(text: string): EpochMs[] {
  return JSON.parse(text) as EpochMs[];
}

function formatTimes(times: readonly EpochMs[]): string {
  return JSON.stringify(times);
}
