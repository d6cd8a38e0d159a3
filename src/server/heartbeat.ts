import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { followCurrentKeys, missingCurrentKey } from "../crypto/current-keys.js";
import { type Keyrings, WrongKeyError } from "../crypto/key-checks.js";
import { atMost } from "../lib/at-most.js";
import type { EpochMs } from "../model/time.js";
import type { Store } from "../store/port/store.js";

export interface Heartbeat {
  /**
   * Writes to the database that this process lives and with which keys, and takes over the current keys. Resolves if the process can
   * serve: the write succeeded, and the current keys are configured here. Throws if it can't.
   */
  beat(): Promise<void>;
  /** Forgets this process. Never throws. */
  stop(): Promise<void>;
}

/** A database that is gone must not delay a stop for longer. */
const leaveMaxMs = 1_000;

/** The beats of this process: an operator sees by them what serves a deployment, and keys change without a gap. */
export function createHeartbeat(given: {
  readonly store: Store;
  readonly rings: Keyrings;
  readonly version: string;
  /** Where the process listens, as `host:port`. */
  readonly addresses: readonly string[];
  readonly clock: () => EpochMs;
}): Heartbeat {
  const { store, rings, version, addresses, clock } = given;
  const processId = randomUUID();
  const { master, pepper } = rings;
  const startedAt = clock();
  let running: Promise<void> = Promise.resolve();

  async function beat(): Promise<void> {
    const current = await store.processes.beat({
      processId,
      host: hostname(),
      pid: process.pid,
      addresses,
      version,
      keyIds: { master: master.ids(), pepper: pepper.ids() },
      writesWith: { master: master.currentId, pepper: pepper.currentId },
      startedAt,
      now: clock(),
    });
    const missing = followCurrentKeys(rings, current);
    if (missing.length > 0) throw new WrongKeyError(missing.map(missingCurrentKey).join("; "));
  }

  return {
    beat() {
      running = beat();
      return running;
    },
    async stop() {
      // A beat that ends later would write the row again.
      const left = running.catch(() => {}).then(() => store.processes.leave(processId));
      await atMost(
        leaveMaxMs,
        left.catch(() => {}),
      );
    },
  };
}
