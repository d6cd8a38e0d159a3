import { StoreUnavailableError } from "../port/errors.js";
import type { Database } from "./database.js";
import { isUnanswered } from "./errors.js";
import { guardedBy } from "./guarded.js";

/** How long the server may take to answer a heartbeat. */
export const silenceMaxMs = 3_000;

/** Stops a process from working with a server that does not answer heartbeats. */
export interface SilenceGuard {
  /** Runs a check of the server. If no answer comes, calls `onSilence`. */
  watched<T>(check: () => Promise<T>): Promise<T>;
  /** Ends the silence. Call it after an answered heartbeat: a read does not show that the server's commits are answered. */
  end(): void;
  /** Returns a database that rejects every operation from an unanswered check until the silence ends. */
  guarded(db: Database): Database;
}

/**
 * A leader that was cut off from its standbys takes commits that do not wait for the disk as before, and loses them later. Commits that
 * wait for a standby are not answered. A heartbeat is such a commit, so it finds out.
 */
export function createSilenceGuard(onSilence: () => void): SilenceGuard {
  let silent = false;

  function refuse(): void {
    if (silent)
      throw new StoreUnavailableError(`PostgreSQL: the server has not answered a heartbeat for ${silenceMaxMs / 1_000} s`);
  }

  return {
    async watched(check) {
      try {
        return await check();
      } catch (error) {
        if (isUnanswered(error)) {
          silent = true;
          onSilence();
        }
        throw error;
      }
    },
    end() {
      silent = false;
    },
    guarded: (db) => guardedBy(refuse, db),
  };
}
