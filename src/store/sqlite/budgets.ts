import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { BudgetCharge, BudgetReturn, Limited } from "../port/budgets.js";
import type { Store } from "../port/store.js";
import { holdMs, longestWindow, refusedUntil, within } from "../rules/budget-window.js";
import type { Writer } from "./writer.js";

interface BudgetRow {
  spent: string;
  hold_until: EpochMs;
}

/** A charge that can be granted, with the times that its budget holds now. */
export interface Grantable {
  readonly charge: BudgetCharge;
  readonly spent: EpochMs[];
}

export interface Budgets {
  /** Returns what all charges would spend, or `Limited` if one of them is refused. Writes nothing. */
  check(charges: readonly BudgetCharge[], now: EpochMs): Grantable[] | Limited;
  /**
   * Spends what `check` granted in the same transaction. Returns when the hold of the first charge ends, or `now` if it has
   * none.
   */
  spend(grantable: readonly Grantable[], now: EpochMs): EpochMs;
  /** Writes the budgets unchanged, so that a hidden refusal costs the same writes as a grant. */
  rewrite(charges: readonly BudgetCharge[]): void;
  giveBack(returns: readonly BudgetReturn[], now: EpochMs): void;
}

/**
 * A budget is one row with the times at which its units were spent, which makes every window exact. A row stays short: it has
 * at most as many times as the largest `max`.
 */
export function createBudgets(db: Database): Budgets {
  const select = db.prepare<[Uint8Array], BudgetRow>("SELECT spent, hold_until FROM budgets WHERE key = ?");
  const upsert = db.prepare<[Uint8Array, string, EpochMs, EpochMs]>(`
    INSERT INTO budgets (key, spent, hold_until, expires_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, hold_until = excluded.hold_until, expires_at = excluded.expires_at`);
  const update = db.prepare<[string, EpochMs, Uint8Array]>("UPDATE budgets SET spent = ?, hold_until = ? WHERE key = ?");
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
        grantable.push({ charge, spent });
      }
      return retryAt > now ? { kind: "limited", retryAt } : grantable;
    },

    spend(grantable, now) {
      let firstHold = now;
      for (const [index, { charge, spent }] of grantable.entries()) {
        const held = holdMs(charge, spent.length);
        // Without a hold, store 0 and not `now`: a process with a slower clock would wait until `now`.
        const holdUntil = held > 0 ? now + held : 0;
        if (index === 0) firstHold = now + held;
        // Clocks of processes differ a little. Sorted times say exactly when the next unit is free.
        spent.push(now);
        spent.sort((a, b) => a - b);
        upsert.run(charge.key, formatTimes(spent), holdUntil, Math.max(holdUntil, now + longestWindow(charge)));
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
  };
}

export function createBudgetOperations(writer: Writer, budgets: Budgets): Store["budgets"] {
  return {
    spend: ({ charges, now }) =>
      writer.writeUnflushed(() => {
        const granted = budgets.check(charges, now);
        if ("kind" in granted) return granted;
        budgets.spend(granted, now);
        return null;
      }),
  };
}

/** Times are stored as a JSON array, which SQL can read as well. */
function parseTimes(text: string): EpochMs[] {
  return JSON.parse(text) as EpochMs[];
}

function formatTimes(times: readonly EpochMs[]): string {
  return JSON.stringify(times);
}
