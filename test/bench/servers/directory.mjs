// A process that makes apps and clients by the use cases of the API, and reads them as every server does.

import { operator } from "../../../dist/apps/actor.js";
import { createApp } from "../../../dist/apps/create-app.js";
import { createClient } from "../../../dist/apps/create-client.js";
import { openDirectory } from "../../../dist/apps/database-directory.js";
import { updatePolicy } from "../../../dist/apps/update-policy.js";
import { diskFiles, readSettings } from "../../../dist/config/settings.js";
import { storeLocation } from "../../../dist/server/core.js";
import { openStore } from "../../../dist/store/open.js";

const quiet = () => {};
const log = { debug: quiet, info: quiet, warn: console.error, error: console.error };
const { settings } = readSettings(process.env, { files: diskFiles });
const { issuer, appName, policy, policySettings } = settings;
const deployment = { issuer, appName, policy, localhostAllowed: false };
const opened = openStore(storeLocation(settings), { inFlight: () => 0 }).then(async (store) => {
  const directory = await openDirectory({ apps: store.apps, deployment, clock: Date.now, log });
  return {
    clock: Date.now,
    store,
    directory,
    deployment: { issuer, appName: "Latchkey", isProduction: true, policy, policySettings },
    log,
  };
});

/** Calls `act` for 0, 1 … `count` - 1, as `callers` callers do who each wait for their answer. Gives calls a second. */
async function perSecond(count, callers, act) {
  let next = 0;
  const startedAt = performance.now();
  const call = async () => {
    for (let n = next++; n < count; n = next++) await act(n);
  };
  await Promise.all(Array.from({ length: callers }, call));
  return (1000 * count) / (performance.now() - startedAt);
}

async function timed(act) {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

globalThis.answer({
  async ready() {
    await opened;
    return {};
  },
  /** Every other client is confidential and has a secret. */
  async fill({ apps, clients, callers }) {
    const deps = await opened;
    const appId = (n) => `app-${n % apps}`;
    return {
      apps: await perSecond(apps, callers, (n) =>
        createApp(deps, operator, {
          appId: appId(n),
          displayName: `App ${n}`,
          allowedOrigins: [`https://app-${n}.example.com`],
        }),
      ),
      clients: await perSecond(clients, callers, (n) =>
        createClient(deps, operator, {
          appId: appId(n),
          clientId: `client-${n}`,
          kind: n % 2 === 0 ? "public" : "confidential",
          scopes: n % 2 === 0 ? [] : ["otp:send", "otp:verify"],
          redirectUris: [`https://app-${n}.example.com/callback`],
          secretExpiresInMs: null,
        }),
      ),
    };
  },
  /** What one more snapshot of everything takes: heap, and the time to read it. */
  async load() {
    const { store, clock } = await opened;
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    let another;
    const ms = await timed(async () => {
      another = await openDirectory({ apps: store.apps, deployment, clock, log });
    });
    await another.stop();
    globalThis.gc();
    const heapMb = (process.memoryUsage().heapUsed - before) / 1e6;
    if (another.isEmpty()) throw new Error("the snapshot is empty");
    return { ms, heapMb };
  },
  /** A change of one app with all its clients, and the read of it by another process. */
  async reload({ apps }) {
    const deps = await opened;
    const another = await openDirectory({ apps: deps.store.apps, deployment, clock: deps.clock, log });
    const appId = `app-${Math.floor(Math.random() * apps)}`;
    await updatePolicy(deps, operator, { appId, changes: { codeLength: 6 + Math.floor(Math.random() * 4) } });
    const reloadMs = await timed(() => another.refresh());
    const idleMs = await timed(() => another.refresh());
    await another.stop();
    return { reloadMs, idleMs };
  },
});
process.on("SIGTERM", async () => {
  const { store, directory } = await opened;
  await directory.stop();
  await store.close();
  process.exit();
});
