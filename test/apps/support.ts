import { expect } from "vitest";
import { type Actor, operator } from "../../src/apps/actor.js";
import type { AppsDeps, Deployment } from "../../src/apps/deps.js";
import { createHookSecrets } from "../../src/crypto/hook-secrets.js";
import { createSealer } from "../../src/crypto/sealing.js";
import type { Scope } from "../../src/model/scope.js";
import { createOutbound } from "../../src/outbound/outbound.js";
import type { Store } from "../../src/store/port/store.js";
import { ringOf } from "../crypto/fixtures.js";
import { newClient } from "../store/contract/directory-fixtures.js";
import { type FakeClock, fakeClock, type KeptLog, keptLog, testSettings } from "../support/app.js";
import { type StoreEngine, storeEngines } from "./stores.js";

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
export const admin: Actor = {
  ...operator(),
  name: "admin-backend",
  client: {
    ...newClient({ clientId: "admin-backend", kind: "confidential" }),
    scopes: new Set<Scope>(["apps:admin"]),
    secrets: [],
  },
  scopes: new Set<Scope>(["apps:admin"]),
};

export function deploymentWith(changes: Partial<Deployment> = {}): Deployment {
  const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
  return { issuer, appName: "Latchkey", isProduction: false, policy, carriers: [], policySettings: {}, ...changes };
}

function benchOn(store: Store, deployment: Partial<Deployment>): AppsBench {
  const clock = fakeClock();
  const log = keptLog();
  const hookSecrets = createHookSecrets({ store, sealer: createSealer(ringOf("m1")) });
  const outbound = createOutbound({ allowed: [], resolve: async () => ["8.8.8.8"] });
  let refreshes = 0;
  const directory = {
    async refresh() {
      refreshes += 1;
    },
  };
  return {
    deps: { clock, store, log, hookSecrets, outbound, directory, deployment: deploymentWith(deployment) },
    store,
    clock,
    log,
    refreshes: () => refreshes,
    stop: () => store.close(),
  };
}

export interface BenchEngine {
  readonly engine: StoreEngine["engine"];
  open(deployment?: Partial<Deployment>): Promise<AppsBench>;
}

/** Both engines, each with an empty database for every bench, for `describe.each`. */
export function benchEngines(): readonly BenchEngine[] {
  return storeEngines().map(({ engine, open }) => ({
    engine,
    open: async (deployment = {}) => benchOn((await open(1))[0]!, deployment),
  }));
}

/** Matches the refusal of a use case. */
export const refusal = (reason: string, field?: string): unknown =>
  expect.objectContaining({
    reason,
    ...(field !== undefined && { violations: [expect.objectContaining({ field })] }),
  });
