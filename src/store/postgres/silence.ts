import { StoreUnavailableError } from "../port/errors.js";
import type { Database } from "./database.js";
import { isAnswered } from "./errors.js";
import { guardedBy } from "./guarded.js";

/** How long the server may take to answer a heartbeat. */
export const silenceMaxMs = 3_000;

/** Stops a process from working with a server that does not answer heartbeats. */
export interface SilenceGuard {
  /** Runs a heartbeat. If the server has answered none for 3 s, calls `onSilence` and throws `StoreUnavailableError`. */
  watched<T>(beat: () => Promise<T>): Promise<T>;
  /** Returns a database that rejects every operation from then on, until the server answers a heartbeat. A refusal is an answer. */
  guarded(db: Database): Database;
}

/**
 * A leader that was cut off from its standbys takes commits that do not wait for the disk as before, and loses them later. Commits that
 * wait for a standby are not answered. A heartbeat is such a commit, so it finds out.
 * @param now A monotonic clock in milliseconds.
 */
export function createSilenceGuard(onSilence: () => void, now: () => number = () => performance.now()): SilenceGuard {
  /** When the first of the heartbeats without an answer began. */
  let since: number | null = null;

  const silentError = () =>
    new StoreUnavailableError(`PostgreSQL: the server has not answered a heartbeat for ${silenceMaxMs / 1_000} s`);

  function refuse(): void {
    if (since !== null && now() - since >= silenceMaxMs) throw silentError();
  }

  return {
    async watched(beat) {
      since ??= now();
      const silent = silentError();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => {
          onSilence();
          reject(silent);
        }, silenceMaxMs);
      });
      try {
        const result = await Promise.race([beat(), late]);
        since = null;
        return result;
      } catch (error) {
        if (error !== silent && isAnswered(error)) since = null;
        throw error;
      } finally {
        clearTimeout(timer);
      }
    },
    guarded: (db) => guardedBy(refuse, db),
  };
}
