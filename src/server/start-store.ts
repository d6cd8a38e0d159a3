import type { Settings } from "../config/settings.js";
import type { Log } from "../lib/log.js";
import type { EpochMs } from "../model/time.js";
import { observeStore } from "../store/observed.js";
import { nameOf, openStore } from "../store/open.js";
import { StoreUnavailableError } from "../store/port/errors.js";
import type { Store } from "../store/port/store.js";
import type { Recorder } from "../telemetry/metrics.js";
import { traceStore } from "../telemetry/traced.js";
import type { Tracer } from "../telemetry/tracer.js";
import type { Closers } from "./closers.js";
import { storeLocation } from "./core.js";

/** OpenTelemetry's names of the databases. */
const systemNames = { sqlite: "sqlite", postgres: "postgresql" } as const;

export interface StartedStore {
  /** For calls: measured and traced. */
  readonly store: Store;
  /** For checks of the database itself, which belong to no call and count in no metric. */
  readonly unmeasured: Store;
  /** A name of the database for an operator, without secrets. */
  readonly name: string;
}

/** Opens the store. Calls `onUnavailable` after each operation that fails because the database is unavailable. */
export async function startStore(
  settings: Settings,
  given: {
    readonly log: Log;
    readonly tracer: Tracer;
    readonly recorder: Recorder;
    readonly callsInFlight: () => number;
    readonly clock: (() => EpochMs) | undefined;
    /** For tests: returns the store to use instead of the opened one. */
    readonly wrapStore: ((store: Store) => Store) | undefined;
    readonly onUnavailable: () => void;
    readonly closers: Closers;
  },
): Promise<StartedStore> {
  const { log, tracer, recorder, onUnavailable } = given;
  const location = storeLocation(settings);
  const opened = await openStore(location, {
    inFlight: given.callsInFlight,
    clock: given.clock,
    clockSetBack: (backMs) =>
      log.warn({ backMs }, "the clock was set back: codes sent before have ended, and limits stay as they were"),
  });
  given.closers.push(() => opened.close());
  const used = given.wrapStore?.(opened) ?? opened;
  const store = observeStore(traceStore(used, tracer, systemNames[settings.database.kind]), (operation) => {
    recorder.operationEnded(operation);
    if (operation.error === StoreUnavailableError.name) onUnavailable();
  });
  return { store, unmeasured: opened, name: nameOf(location) };
}
