import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../model/time.js";
import type { LockoutRule } from "../port/challenges.js";
import { failuresKeptMs } from "../rules/kept.js";

/** Reads and writes of lockouts inside the caller's transaction. */
export interface Lockouts {
  /** Counts a failure unless the account is locked. Returns the end of a lockout that began earlier, or null. */
  countFailure(rule: LockoutRule, now: EpochMs): EpochMs | null;
  /** Returns the end of a lockout that lasts at `now`, or null. */
  find(key: Uint8Array, now: EpochMs): EpochMs | null;
  clear(key: Uint8Array): void;
}

interface LockoutRow {
  failures: number;
  locked_until: EpochMs;
}

export function createLockouts(db: Database): Lockouts {
  const select = db.prepare<[Uint8Array, EpochMs], LockoutRow>(
    "SELECT failures, locked_until FROM lockouts WHERE key = ? AND expires_at > ?",
  );
  const upsert = db.prepare<[Uint8Array, number, EpochMs, EpochMs]>(`
    INSERT INTO lockouts (key, failures, locked_until, expires_at) VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, locked_until = excluded.locked_until,
      expires_at = excluded.expires_at`);
  const same = db.prepare<[Uint8Array]>("UPDATE lockouts SET failures = failures WHERE key = ?");
  const remove = db.prepare<[Uint8Array]>("DELETE FROM lockouts WHERE key = ?");

  return {
    countFailure({ key, failuresMax, durationMs }, now) {
      const row = select.get(key, now);
      if (row !== undefined && row.locked_until > now) {
        // Written unchanged, so that a guess during a lockout costs the same writes.
        same.run(key);
        return row.locked_until;
      }
      const failures = (row?.failures ?? 0) + 1;
      if (failures < failuresMax) upsert.run(key, failures, 0, now + failuresKeptMs);
      else upsert.run(key, 0, now + durationMs, now + durationMs);
      return null;
    },
    find(key, now) {
      const row = select.get(key, now);
      return row !== undefined && row.locked_until > now ? row.locked_until : null;
    },
    clear(key) {
      remove.run(key);
    },
  };
}
