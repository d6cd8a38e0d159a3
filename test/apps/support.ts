import type { AppsDeps, Deployment } from "../../src/apps/deps.js";
import type { Scope } from "../../src/model/scope.js";
import { openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";
import { type FakeClock, fakeClock, type KeptLog, keptLog, testSettings } from "../support/app.js";
import { testDatabases } from "../support/postgres.js";

/** Use cases of apps on a store of their own. */
export interface AppsBench {
  readonly deps: AppsDeps;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly log: KeptLog;
  /** How often the directory was read again. */
  refreshes(): number;
  stop(): Promise<void>;
}

export const issuer = "http://localhost:8080";

/** An administrator that calls over RPC. */
export const admin = { name: "admin-backend", isOperator: false, scopes: new Set<Scope>(["apps:admin"]) };

export function deploymentWith(changes: Partial<Deployment> = {}): Deployment {
  const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
  return { issuer, isProduction: false, policy, policySettings: {}, ...changes };
}

export async function openBench(
  location: Parameters<typeof openStore>[0],
  deployment: Partial<Deployment> = {},
): Promise<AppsBench> {
  const store = await openStore(location, { inFlight: () => 0 });
  const clock = fakeClock();
  const log = keptLog();
  let refreshes = 0;
  const directory = {
    async refresh() {
      refreshes += 1;
    },
  };
  return {
    deps: { clock, store, log, directory, deployment: deploymentWith(deployment) },
    store,
    clock,
    log,
    refreshes: () => refreshes,
    stop: () => store.close(),
  };
}

/** Both engines, each with an empty database for every bench, for `describe.each`. */
export function benchEngines(): readonly {
  readonly engine: string;
  open(deployment?: Partial<Deployment>): Promise<AppsBench>;
}[] {
  const databases = testDatabases();
  return [
    { engine: "SQLite", open: (deployment) => openBench({ kind: "sqlite", path: ":memory:" }, deployment) },
    { engine: "PostgreSQL", open: async (deployment) => openBench(await databases.create(), deployment) },
  ];
}
