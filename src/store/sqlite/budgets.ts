import type { Database } from "better-sqlite3";
import type { Budget } from "../../model/metrics.js";
import type { EpochMs } from "../../model/time.js";
import type { BudgetCharge, BudgetReturn, Limited } from "../port/budgets.js";
import type { Store } from "../port/store.js";
import {
  holdMs,
  longestWindow,
  refusedUntil,
  type Spent,
  stepOf,
  unitsIn,
  within,
  withoutUnit,
  withUnits,
} from "../rules/budget-window.js";
import { failuresKeptMs } from "../rules/kept.js";
import type { Lockouts } from "./lockouts.js";
import type { Writer } from "./writer.js";

interface BudgetRow {
  spent: string;
  counts: string | null;
  step_ms: number;
  hold_until: EpochMs;
  failures: number;
  expires_at: EpochMs;
}

/** A charge that can be granted, with the times that its budget holds now and its consecutive failures. */
export interface Grantable {
  readonly charge: BudgetCharge;
  readonly spent: readonly Spent[];
  readonly failures: number;
  /** When the failures are forgotten, unless there is another. */
  readonly failuresUntil: EpochMs;
}

export interface Budgets {
  /** Returns what all charges would spend, or `Limited` if one of them is refused. Writes nothing. */
  check(charges: readonly BudgetCharge[], now: EpochMs): Grantable[] | Limited;
  /** Spends hidden charges: all or none. Returns false if one of them is refused; the rows are then written unchanged. */
  spendHidden(charges: readonly BudgetCharge[], now: EpochMs): boolean;
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
 * A budget is one row with the times at which its units were spent. The row of a limit above 60 has the ends of sub-windows, with
 * the number of units in each. So every row stays short.
 */
export function createBudgets(db: Database): Budgets {
  const select = db.prepare<[Uint8Array], BudgetRow>(
    "SELECT spent, counts, step_ms, hold_until, failures, expires_at FROM budgets WHERE key = ?",
  );
  const upsert = db.prepare<[Uint8Array, string, string | null, number, EpochMs, number, EpochMs]>(`
    INSERT INTO budgets (key, spent, counts, step_ms, hold_until, failures, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, counts = excluded.counts, step_ms = excluded.step_ms,
      hold_until = excluded.hold_until, failures = excluded.failures, expires_at = excluded.expires_at`);
  // Leaves the units alone: a charge without limits only counts.
  const count = db.prepare<[Uint8Array, number, EpochMs]>(`
    INSERT INTO budgets (key, spent, hold_until, failures, expires_at) VALUES (?, '[]', 0, ?, ?)
    ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, expires_at = excluded.expires_at`);
  const update = db.prepare<[string, string | null, EpochMs, number, Uint8Array]>(
    "UPDATE budgets SET spent = ?, counts = ?, hold_until = ?, failures = failures * ? WHERE key = ?",
  );
  const resetFailures = db.prepare<[Uint8Array]>("UPDATE budgets SET failures = 0 WHERE key = ? AND failures > 0");
  const same = db.prepare<[Uint8Array]>("UPDATE budgets SET spent = spent, expires_at = expires_at WHERE key = ?");
  const removeLast = db.prepare<[Uint8Array, string, EpochMs, EpochMs, EpochMs, number]>(
    "DELETE FROM budgets WHERE key = ? AND spent = ? AND counts IS NULL AND (? <= ? OR hold_until <= ?) AND failures * ? = 0",
  );
  const remove = db.prepare<[Uint8Array]>("DELETE FROM budgets WHERE key = ?");

  function isSpent(key: Uint8Array, windowMs: number, now: EpochMs): boolean {
    const row = select.get(key);
    return row !== undefined && within(parseSpent(row), windowMs, now).length > 0;
  }

  const budgets: Budgets = {
    check(charges, now) {
      const grantable: Grantable[] = [];
      let retryAt = 0;
      let name: Budget | undefined;
      for (const charge of charges) {
        if (charge.unlessSpent !== undefined && isSpent(charge.unlessSpent, longestWindow(charge), now)) continue;
        const row = select.get(charge.key);
        const spent = within(row === undefined ? [] : parseSpent(row), longestWindow(charge), now);
        const until = refusedUntil(charge, { spent, holdUntil: row?.hold_until ?? 0 }, now);
        if (until > retryAt) {
          retryAt = until;
          name = charge.name;
        }
        const failures = failuresIn(row, now);
        grantable.push({ charge, spent, failures, failuresUntil: failures === 0 ? 0 : row!.expires_at });
      }
      if (retryAt <= now) return grantable;
      return { kind: "limited", retryAt, ...(name === undefined ? {} : { name }) };
    },

    spendHidden(charges, now) {
      const granted = budgets.check(charges, now);
      if ("kind" in granted) budgets.rewrite(charges);
      else budgets.spend(granted, now);
      return !("kind" in granted);
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
        const held = holdMs(charge, unitsIn(spent));
        // Without a hold, store 0 and not `now`: a process with a slower clock would wait until `now`.
        const holdUntil = held > 0 ? now + held : 0;
        if (index === 0) firstHold = now + held;
        const stepMs = stepOf(charge);
        const after = withUnits(spent, { stepMs, units: charge.units ?? 1, now });
        const expiresAt = Math.max(holdUntil, now + longestWindow(charge) + stepMs - 1, keptUntil);
        upsert.run(charge.key, formatTimes(after), formatCounts(after, stepMs), stepMs, holdUntil, failures, expiresAt);
      }
      return firstHold;
    },

    rewrite(charges) {
      for (const { key } of charges) same.run(key);
    },

    giveBack(returns, now) {
      for (const one of returns) {
        const kept = one.keepsFailures === true ? 1 : 0;
        // The common case: the unit is the only one, so the row can go.
        const { key, spentAt, holdUntil: until = Number.MAX_SAFE_INTEGER } = one;
        if (removeLast.run(key, JSON.stringify([spentAt]), until, now, now, kept).changes > 0) continue;
        const row = select.get(key);
        if (row === undefined) continue;
        const before = parseSpent(row);
        const latest = Math.max(spentAt, before.at(-1)?.at ?? 0);
        const holdUntil = Math.min(row.hold_until, latest + (one.holdUntil ?? Infinity) - spentAt);
        const spent = withoutUnit(before, row.step_ms, spentAt) ?? before;
        if (spent.length === 0 && holdUntil <= now && row.failures * kept === 0) remove.run(key);
        else update.run(formatTimes(spent), formatCounts(spent, row.step_ms), holdUntil, kept, key);
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
  return budgets;
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

/** Times and counts are stored as JSON arrays, which SQL can read as well. Without counts each time is one unit. */
function parseSpent({ spent, counts }: Pick<BudgetRow, "spent" | "counts">): Spent[] {
  const times = JSON.parse(spent) as EpochMs[];
  const units = counts === null ? [] : (JSON.parse(counts) as number[]);
  return times.map((at, index) => ({ at, count: units[index] ?? 1 }));
}

function formatTimes(spent: readonly Spent[]): string {
  return JSON.stringify(spent.map(({ at }) => at));
}

function formatCounts(spent: readonly Spent[], stepMs: number): string | null {
  const isCounted = stepMs > 1 || spent.some(({ count }) => count > 1);
  return isCounted ? JSON.stringify(spent.map(({ count }) => count)) : null;
}
