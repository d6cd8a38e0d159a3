import type { Challenge } from "../../model/challenge.js";
import type { EpochMs } from "../../model/time.js";

/** A challenge that ended by its expiry: it was somebody's, and its code had not come back. */
export type ExpiredChallenge = Pick<Challenge, "purpose" | "channel">;

/** The care of the whole database. */
export interface Upkeep {
  /**
   * Deletes up to `limit` rows that nobody needs any more (challenges an hour after their expiry, ended sessions, …) and erases
   * the sealed codes of expired challenges. `swept` is how many: fewer than `limit` when there is no more to do.
   * `expired` has each challenge that ended by its expiry once in its life, whoever sweeps: when its code is erased, or when it is
   * deleted if its code was erased with its last send. Decoys, redeemed and cancelled ones are not among them.
   */
  sweep(change: {
    readonly now: EpochMs;
    readonly limit: number;
  }): Promise<{ readonly swept: number; readonly expired: readonly ExpiredChallenge[] }>;

  /**
   * Ends what a database brought back from a backup knows less of than the world outside: all challenges with their registrations,
   * messages and remembered calls, and all sessions, of which it gives the number. Users, keys and budgets stay. Kept sessions forget
   * with which call they were last rotated. Afterwards no code, refresh token or call from before does anything.
   */
  endOutstanding(change: { readonly keepSessions: boolean }): Promise<number>;

  /** Overwrites erased data in the files behind the database, where the engine keeps copies. False: a reader was in the way. */
  scrub(): Promise<boolean>;

  /**
   * Resolves when the database answers and can be written to, and, where it has a clock of its own, when that is within 1 s of this
   * machine's: the limits of processes whose clocks differ would not fit together.
   */
  ping(): Promise<void>;
}
