import type { Challenge } from "../../model/challenge.js";
import type { EpochMs } from "../../model/time.js";

/** A challenge that expired with its code unused. Never a decoy. */
export type ExpiredChallenge = Pick<Challenge, "purpose" | "channel">;

/** Maintenance of the whole database. */
export interface Upkeep {
  /**
   * Deletes up to `limit` rows that are no longer needed, such as ended sessions, and challenges an hour after their expiry.
   * Erases the sealed codes of expired challenges. `swept` counts both. It is less than `limit` if nothing is left to sweep.
   * `expired` lists each challenge that expired unused. Each appears once, in the result of one caller only.
   */
  sweep(change: {
    readonly now: EpochMs;
    readonly limit: number;
  }): Promise<{ readonly swept: number; readonly expired: readonly ExpiredChallenge[] }>;

  /**
   * Ends everything in a restored backup that may have been used since: challenges with their registrations, messages,
   * remembered calls and contacts to take back, and also sessions unless `keepSessions` is set. Returns how many sessions ended.
   * Users, keys, budgets and lockouts stay. Codes issued before no longer work, and remembered outcomes are gone.
   */
  endOutstanding(change: { readonly keepSessions: boolean }): Promise<number>;

  /** Overwrites erased data in the database's files. Returns false if a reader prevented it. */
  scrub(): Promise<boolean>;

  /**
   * Resolves if the database answers and is not set to be read-only. On SQLite it also writes. A database server's clock must also be
   * within 1 s of this machine's, because limits are counted by the clocks of all processes. Heartbeats show whether commits are answered.
   */
  ping(): Promise<void>;
}
