import type { EpochMs } from "../../model/time.js";
import { StoreUnavailableError } from "../port/errors.js";
import type { Database, Statement } from "./database.js";
import { guardedBy } from "./guarded.js";

/** Limits and lifetimes count by the clocks of all processes that use a database, so these clocks must agree. */
const toleranceMs = 1_000;

export const clocksDiffer = "the clock of this machine is more than 1 s from the database server's: synchronize both with NTP";

/** Returns whether the server's clock, read between two moments of this machine's clock, agrees with it. */
export function clocksAgree(
  server: EpochMs,
  { askedAt, answeredAt }: { readonly askedAt: EpochMs; readonly answeredAt: EpochMs },
): boolean {
  return Math.max(askedAt - server, server - answeredAt) <= toleranceMs;
}

/** Stops a process from working while its clock differs from the database's. */
export interface ClockGuard {
  /**
   * Reads the server's time with a statement that returns it as `clock`. Throws `StoreUnavailableError` if this machine's clock
   * does not agree.
   */
  check(statement: Statement): Promise<void>;
  /** Returns a database that rejects every operation from a check that finds a difference until a check that finds none. */
  guarded(db: Database): Database;
}

/** @param asked The database for the checks. It is not guarded itself. */
export function createClockGuard(asked: Database): ClockGuard {
  let differ = false;

  function refuse(): void {
    if (differ) throw new StoreUnavailableError(clocksDiffer);
  }

  return {
    async check(statement) {
      const askedAt = Date.now();
      const [row] = await asked.rows<{ clock: EpochMs }>(statement);
      const answeredAt = Date.now();
      // A slow answer agrees with many clocks, so it can't show that a wrong clock is right again.
      const isConclusive = !differ || answeredAt - askedAt <= toleranceMs;
      differ = !(isConclusive && clocksAgree(row!.clock, { askedAt, answeredAt }));
      refuse();
    },
    guarded: (db) => guardedBy(refuse, db),
  };
}
