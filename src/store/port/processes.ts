import type { KeyName } from "../../model/key.js";
import type { EpochMs } from "../../model/time.js";

/** One process that serves a deployment, as it describes itself. */
export interface ServingProcess {
  /** Random. A process that starts again has another one. */
  readonly processId: string;
  /** The name of the machine or container. */
  readonly host: string;
  readonly pid: number;
  /** Where it listens: `host:port` of gRPC and of HTTP. */
  readonly addresses: readonly string[];
  /** The version of the program. */
  readonly version: string;
  /** The ids of its configured keys, by use. */
  readonly keyIds: Readonly<Record<KeyName["use"], readonly string[]>>;
  /** The ids of the keys that it makes new data with, by use. */
  readonly writesWith: Readonly<Record<KeyName["use"], string>>;
  readonly startedAt: EpochMs;
}

/** A process and when it last wrote its row. */
export interface SeenProcess extends ServingProcess {
  readonly seenAt: EpochMs;
}

/** The id of the key for new data, by use. Null before the first start. */
export type CurrentKeys = Readonly<Record<KeyName["use"], string | null>>;

/** The processes that serve a deployment. Each says every few seconds that it lives. */
export interface Processes {
  /**
   * Notes that a process lives at `now`, and returns the current keys. If a promotion runs at the same time, either the promotion sees
   * this process, or this call returns the promoted key. Throws `StoreUnavailableError` if the database does not take the commit, its
   * clock is more than 1 s off, or its disk is still full.
   */
  beat(change: ServingProcess & { readonly now: EpochMs }): Promise<CurrentKeys>;

  /** Returns all processes that were not forgotten, by host and start. */
  list(): Promise<readonly SeenProcess[]>;

  /** Forgets a process, because it stops. */
  leave(processId: string): Promise<void>;

  /** Forgets processes that were last seen before `before`. */
  forget(change: { readonly before: EpochMs }): Promise<void>;
}
