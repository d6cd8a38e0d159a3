import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DatabaseDirectory, openDirectory } from "../../src/apps/database-directory.js";
import { type ClientSettings, importSettings } from "../../src/apps/import-settings.js";
import { StoreMovedError } from "../../src/store/port/errors.js";
import type { Store } from "../../src/store/port/store.js";
import { newClient } from "../store/contract/directory-fixtures.js";
import { t0, times } from "../store/contract/fixtures.js";
import { type KeptLog, keptLog, testSettings } from "../support/app.js";
import { storeEngines } from "./stores.js";

const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
const clock = () => t0;
const deployment = { issuer: "https://auth.example.com", appName: "Latchkey", policy, localhostAllowed: false };

describe.each(storeEngines())("the settings of the default client on $engine", ({ open }) => {
  let store: Store;
  let directory: DatabaseDirectory;
  let log: KeptLog;

  beforeEach(async () => {
    store = (await open(1))[0]!;
    log = keptLog();
    directory = await openOne();
  });
  afterEach(async () => {
    await directory.stop();
    await store.close();
  });

  const openOne = () => openDirectory({ apps: store.apps, deployment, clock, log });
  const start = (settings: Partial<ClientSettings>, given: Partial<Parameters<typeof importSettings>[1]> = {}) =>
    importSettings(
      { mode: "production", defaultClient: null, allowedOrigins: [], ...settings },
      { apps: store.apps, directory, clock, log, ...given },
    );
  const warnings = () => log.lines.filter(({ level }) => level === "warn").map(({ message }) => message);
  const found = () => directory.find("default-web");
  const both = { defaultClient: true, allowedOrigins: ["https://app.example"] };

  it("become the client default-web of the app default, for calls that name no client", async () => {
    await start(both);
    expect(found()?.client).toMatchObject({
      appId: "default",
      kind: "public",
      allowedOrigins: ["https://app.example"],
      verifyByIdentifier: false,
    });
    expect(directory.fallback).toBe(found());
    expect(log.lines).toEqual([
      {
        level: "info",
        fields: {},
        message: "LATCHKEY_DEFAULT_CLIENT and LATCHKEY_ALLOWED_ORIGINS were imported into the client default-web",
      },
    ]);
  });

  it("are imported once; each later start warns of those that are still set and changes nothing", async () => {
    await start(both);
    const imported = await store.apps.findClient("default-web");
    log.lines.length = 0;
    await start({ defaultClient: false, allowedOrigins: ["https://other.example"] });
    await start({ allowedOrigins: ["https://other.example"] });
    await start({});
    const warning = (name: string) =>
      `${name} is imported once into the client default-web and is not used any more: ` +
      `change the client with \`latchkey client update default-web\`, and remove ${name}`;
    expect(warnings()).toEqual([
      warning("LATCHKEY_DEFAULT_CLIENT"),
      warning("LATCHKEY_ALLOWED_ORIGINS"),
      warning("LATCHKEY_ALLOWED_ORIGINS"),
    ]);
    expect(await store.apps.findClient("default-web")).toEqual(imported);
  });

  it("do not bring a deleted default-web back", async () => {
    await start(both);
    await store.apps.deleteClient({ clientId: "default-web", now: t0 });
    await directory.refresh();
    await start(both);
    expect(await store.apps.findClient("default-web")).toBeNull();
    expect(warnings()).toHaveLength(3);
  });

  it("leave a default-web that an operator made as it is", async () => {
    const client = newClient({ clientId: "default-web", allowedOrigins: ["https://mine.example"] });
    await store.apps.createClient({ client, secret: null });
    await directory.refresh();
    await start(both);
    expect((await store.apps.findClient("default-web"))?.client).toEqual(client);
    expect(warnings()).toHaveLength(2);
  });

  it("are not needed in production: without a client the server says how to make one", async () => {
    await start({});
    expect(directory.isEmpty()).toBe(true);
    expect(warnings()).toEqual([
      "there is no client yet, so every call is refused: make one with " +
        "`latchkey client create --app default --kind public --id default-web --default`",
    ]);
    await store.apps.createClient({ client: newClient(), secret: null });
    await directory.refresh();
    await start({});
    expect(warnings()).toHaveLength(1);
  });

  it("are not used where there are other clients and no default-web, and that is said", async () => {
    await store.apps.createClient({ client: newClient(), secret: null });
    await directory.refresh();
    await start({ allowedOrigins: ["https://app.example"] });
    expect(found()).toBeNull();
    expect(warnings()).toEqual([expect.stringMatching(/^LATCHKEY_ALLOWED_ORIGINS is not used, because there is no client/)]);
  });

  it("in development there is a default-web, which may verify by identifier, unless it is switched off", async () => {
    await start({ mode: "development", defaultClient: false });
    expect(found()).toBeNull();
    await start({ mode: "development" });
    expect(found()?.client).toMatchObject({ verifyByIdentifier: true });
    expect(directory.fallback).toBe(found());
  });

  it("20 starts at once make one client, and each knows it once it has started", async () => {
    const others = await Promise.all(times(20, openOne));
    // None of them reads the changes by itself in the meantime.
    for (const other of others) await other.stop();
    await Promise.all(others.map((other) => start(both, { directory: other })));
    expect((await store.apps.changesSince(0)).clients).toHaveLength(1);
    expect(others.map(({ fallback }) => fallback?.client.clientId)).toEqual(times(20, () => "default-web"));
  });

  it("wait for the next start while the data is moved", async () => {
    const moving = { importSettings: () => Promise.reject(new StoreMovedError("moving", "elsewhere")) };
    await start(both, { apps: moving });
    expect(found()).toBeNull();
    await start(both);
    expect(found()).not.toBeNull();
  });
});
