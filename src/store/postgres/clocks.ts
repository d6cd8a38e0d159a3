import type { EpochMs } from "../../model/time.js";
import { StoreUnavailableError } from "../port/errors.js";
import type { Database, Statement } from "./database.js";

/** Limits and lifetimes count in the times of all processes that use a database, so their clocks have to agree. */
const toleranceMs = 1_000;

export const clocksDiffer = "the clock of this machine is more than 1 s from the database server's: set both by NTP";

/** Whether the server's clock, read between two moments of this machine's, agrees with it. */
export function clocksAgree(
  server: EpochMs,
  { askedAt, answeredAt }: { readonly askedAt: EpochMs; readonly answeredAt: EpochMs },
): boolean {
  return Math.max(askedAt - server, server - answeredAt) <= toleranceMs;
}

/** Keeps a process from working by a clock that is not its database's. */
export interface ClockGuard {
  /**
   * Asks for the server's time, by a statement that gives it as `clock`, and throws `StoreUnavailableError` when this machine does
   * not agree.
   */
  check(statement: Statement): Promise<void>;
  /** A database that refuses every operation from a check that found a difference to one that finds none. */
  guarded(db: Database): Database;
}

/** @param asked Where the checks are made; it is not guarded itself. */
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
      // An answer that was long on its way agrees with many clocks: it can't tell that one is right again.
      const tells = !differ || answeredAt - askedAt <= toleranceMs;
      differ = !(tells && clocksAgree(row!.clock, { askedAt, answeredAt }));
      refuse();
    },
    guarded: ({ rows, changes, transaction, close }) => ({
      async rows(...given) {
        refuse();
        return await rows(...given);
      },
      async changes(...given) {
        refuse();
        return await changes(...given);
      },
      async transaction(...given) {
        refuse();
        return await transaction(...given);
      },
      close,
    }),
  };
}
