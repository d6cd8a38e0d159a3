import type { EpochMs } from "../../model/time.js";
import type { ExpiredChallenge, Upkeep } from "../port/upkeep.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";

const sweep: Statement = {
  name: "sweep",
  text: `SELECT s.swept, s.expired, s.erased_until FROM ${unflushed}, ${functionName("sweep")}($1, $2, $3) s`,
};

interface SweptRow {
  readonly swept: number;
  readonly expired: readonly ExpiredChallenge[];
  readonly erased_until: EpochMs;
}

/**
 * Sweeps, and remembers until when the codes of all expired challenges are erased. No index has these codes. A new process looks
 * through the last hour once.
 */
export function createSweep(db: Database): Upkeep["sweep"] {
  let erasedUntil: EpochMs = 0;
  return async ({ now, limit }) => {
    // The clock was set back.
    if (now < erasedUntil) erasedUntil = 0;
    const expired: ExpiredChallenge[] = [];
    let swept = 0;
    for (;;) {
      const [row] = await db.rows<SweptRow>(sweep, [now, erasedUntil, limit - swept]);
      const isStuck = row!.erased_until === erasedUntil;
      erasedUntil = row!.erased_until;
      swept += row!.swept;
      expired.push(...row!.expired);
      // A code that another call has locked is erased by a later sweep.
      if (isStuck || erasedUntil >= now || swept >= limit) return { swept, expired };
    }
  };
}
