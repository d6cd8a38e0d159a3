import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DatabaseDirectory, openDirectory } from "../../src/apps/database-directory.js";
import { addDevelopmentClients } from "../../src/apps/development-clients.js";
import { clientSecretHash, newClientSecret } from "../../src/crypto/client-secret.js";
import { scopes } from "../../src/model/scope.js";
import type { Store } from "../../src/store/port/store.js";
import { t0, times } from "../store/contract/fixtures.js";
import { type KeptLog, keptLog, testSettings } from "../support/app.js";
import { storeEngines } from "./stores.js";

const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
const clock = () => t0;

describe.each(storeEngines())("development's clients on $engine", ({ open }) => {
  let store: Store;
  let directory: DatabaseDirectory;
  let log: KeptLog;
  const credentialsOf = () =>
    ["default-backend", "default-admin"].map((clientId) => ({ clientId, clientSecret: newClientSecret().secret }));
  const [backend, admin] = credentialsOf();

  beforeEach(async () => {
    store = (await open(1))[0]!;
    log = keptLog();
    const deployment = { issuer: "https://auth.example.com", appName: "Latchkey", policy, localhostAllowed: true };
    directory = await openDirectory({ apps: store.apps, deployment, clock, log });
  });
  afterEach(async () => {
    await directory.stop();
    await store.close();
  });

  const add = (credentials = [backend!, admin!]) =>
    addDevelopmentClients(credentials, { apps: store.apps, directory, clock, log });
  const secretsOf = async (clientId: string) => (await store.apps.findClient(clientId))!.secrets.map(({ hash }) => hash);

  it("are confidential clients of the app default, with the secrets given and the scopes of their work", async () => {
    await add();
    const found = [backend!, admin!].map(({ clientId }) => directory.find(clientId)!.client);
    expect(found.map(({ kind, appId }) => [kind, appId])).toEqual(times(2, () => ["confidential", "default"]));
    expect([...found[0]!.scopes].join(" ")).toBe(
      "otp:send otp:verify otp:options otp:manage users:read users:write tokens:introspect messages:read",
    );
    expect([...found[1]!.scopes]).toEqual(scopes);
    expect(found.map(({ verifyByIdentifier }) => verifyByIdentifier)).toEqual([true, false]);
    // No page has a secret, so none may call as one of them, not even one of localhost.
    expect(found.map(({ allowedOrigins }) => allowedOrigins)).toEqual([[], []]);
    expect(directory.allowsOrigin("http://localhost:5173")).toBe(false);
    expect(await secretsOf("default-backend")).toEqual([clientSecretHash(backend!.clientSecret)]);
    expect(await secretsOf("default-admin")).toEqual([clientSecretHash(admin!.clientSecret)]);
    expect(log.lines).toEqual([]);
  });

  it("are added once, also by 20 starts at once", async () => {
    await Promise.all(times(20, () => add()));
    expect((await store.apps.changesSince(0)).clients.map(({ secrets }) => secrets.length)).toEqual([1, 1]);
    expect(log.lines).toEqual([]);
  });

  it("that are there keep their secret and their changes; another secret is reported and never added", async () => {
    await add();
    await store.apps.changeClient({ clientId: "default-backend", apply: (client) => ({ ...client, scopes: ["otp:send"] }) });
    const before = await store.apps.changesSince(0);
    await add(credentialsOf());
    expect(await store.apps.changesSince(0)).toEqual(before);
    expect(log.lines.map(({ level, fields }) => [level, fields.clientId])).toEqual([
      ["warn", "default-backend"],
      ["warn", "default-admin"],
    ]);
  });
});
