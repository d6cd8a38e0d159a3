import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DatabaseDirectory, openDirectory } from "../../src/apps/database-directory.js";
import { noWording } from "../../src/model/wording.js";
import type { Apps } from "../../src/store/port/apps.js";
import { StoreMovedError, StoreUnavailableError } from "../../src/store/port/errors.js";
import type { Store } from "../../src/store/port/store.js";
import { newApp, newClient, newSecret } from "../store/contract/directory-fixtures.js";
import { hour, t0, times } from "../store/contract/fixtures.js";
import { eventually, fakeClock, type KeptLog, keptLog, testSettings } from "../support/app.js";
import { storeEngines } from "./stores.js";

const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
const deployment = { issuer: "https://auth.example.com", appName: "Latchkey", policy, localhostAllowed: false };

describe.each(storeEngines())("the directory over $engine", ({ open }) => {
  let stores: readonly Store[];
  let apps: Apps;
  let log: KeptLog;
  const clock = fakeClock(t0);
  const opened: DatabaseDirectory[] = [];

  beforeEach(async () => {
    stores = await open(2);
    apps = stores[0]!.apps;
    log = keptLog();
  });
  afterEach(async () => {
    vi.useRealTimers();
    await Promise.all(opened.splice(0).map((directory) => directory.stop()));
    await Promise.all(stores.map((store) => store.close()));
  });

  async function openOn(
    from: Pick<Apps, "changesSince">,
    changes: Partial<typeof deployment> = {},
  ): Promise<DatabaseDirectory> {
    const directory = await openDirectory({ apps: from, deployment: { ...deployment, ...changes }, clock, log });
    opened.push(directory);
    return directory;
  }
  const addClient = (changes: Parameters<typeof newClient>[0] = {}) =>
    apps.createClient({ client: newClient(changes), secret: null });
  /** Counts the reads, and fails them while there is an error. */
  function watched(): { readonly apps: Pick<Apps, "changesSince">; reads: number[]; error: Error | null } {
    const watch = {
      reads: [] as number[],
      error: null as Error | null,
      apps: {
        async changesSince(revision: number) {
          watch.reads.push(revision);
          if (watch.error !== null) throw watch.error;
          return await apps.changesSince(revision);
        },
      },
    };
    return watch;
  }
  /** The regular reads and the pause between looks then wait for the test. */
  const holdTimers = () => vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });

  it("finds a client by its id and its aliases, with the values of its app and the deployment", async () => {
    await apps.createApp({
      app: newApp({
        appId: "shop",
        poolId: "people",
        displayName: "Shop",
        allowedOrigins: ["https://shop.example"],
        policy: { codeLength: 8, resendCooldownMs: 60_000 },
      }),
      now: t0,
    });
    const secret = newSecret();
    const client = newClient({
      clientId: "shop-backend",
      appId: "shop",
      kind: "confidential",
      scopes: ["otp:send"],
      allowedOrigins: ["https://admin.shop.example"],
      aliases: ["4711"],
      verifyByIdentifier: true,
      allowedAddresses: ["192.0.2.0/24"],
    });
    await apps.createClient({ client, secret });
    const directory = await openOn(apps);
    const found = directory.find("shop-backend");
    expect(found?.client).toEqual({
      clientId: "shop-backend",
      appId: "shop",
      kind: "confidential",
      scopes: new Set(["otp:send"]),
      allowedOrigins: ["https://admin.shop.example", "https://shop.example"],
      verifyByIdentifier: true,
      secrets: [secret],
      jwks: "",
      allowedAddresses: ["192.0.2.0/24"],
      hosts: [],
      dialects: [],
      createdAt: client.createdAt,
    });
    expect(found?.app).toMatchObject({
      appId: "shop",
      poolId: "people",
      displayName: "Shop",
      audience: "https://auth.example.com/apps/shop",
      policy: { codeLength: 8, codeTtlMs: policy.codeTtlMs, resendCooldownMs: [60_000, 120_000, 240_000, 600_000, 900_000] },
    });
    expect(directory.find("4711")).toBe(found);
    expect(directory.findApp("shop")).toBe(found?.app);
    for (const id of ["shop", "", "__proto__", "constructor", "SHOP-BACKEND"]) expect(directory.find(id)).toBeNull();
  });

  it("gives the default app the deployment's name and the issuer as its audience, unless it has its own", async () => {
    const directory = await openOn(apps);
    expect(directory.findApp("default")).toEqual({
      appId: "default",
      number: 1,
      poolId: "main",
      displayName: "Latchkey",
      logoUrl: "",
      supportAddress: "",
      audience: "https://auth.example.com",
      roles: [],
      ownerOrganization: expect.stringMatching(/^[0-9a-f-]{36}$/),
      registrationHook: null,
      deliveryReportHook: null,
      carriers: [],
      wording: noWording,
      testIdentifiers: [],
      routing: [],
      workflows: [],
      policy,
    });
    await apps.changeApp({ appId: "default", apply: (app) => ({ ...app, displayName: "Mine", audience: "urn:mine" }) });
    await directory.refresh();
    expect(directory.findApp("default")).toMatchObject({ displayName: "Mine", audience: "urn:mine" });
  });

  it("has no disabled client, no client of an archived app, and has them again when that ends", async () => {
    await apps.createApp({ app: newApp({ appId: "shop" }), now: t0 });
    await addClient({ clientId: "web", appId: "shop", aliases: ["alias"], isDefault: true });
    const directory = await openOn(apps);
    const ids = () =>
      [directory.find("web"), directory.find("alias"), directory.fallback].map((found) => found?.client.clientId);
    const setClient = async (state: "active" | "disabled") => {
      await apps.changeClient({ clientId: "web", apply: (client) => ({ ...client, state }) });
      await directory.refresh();
    };
    const setApp = async (state: "active" | "archived") => {
      await apps.changeApp({ appId: "shop", apply: (app) => ({ ...app, state }) });
      await directory.refresh();
    };
    const [present, absent] = [times(3, () => "web"), times(3, () => undefined)];
    expect(ids()).toEqual(present);
    await setClient("disabled");
    expect(ids()).toEqual(absent);
    await setClient("active");
    expect(ids()).toEqual(present);
    await setApp("archived");
    expect(ids()).toEqual(absent);
    expect(directory.findApp("shop")).not.toBeNull();
    await setApp("active");
    expect(ids()).toEqual(present);
    await apps.deleteClient({ clientId: "web", now: t0 });
    await directory.refresh();
    expect(ids()).toEqual(absent);
  });

  it("follows an alias from one client to another", async () => {
    await addClient({ clientId: "a", aliases: ["alias", "kept"] });
    await addClient({ clientId: "b" });
    const directory = await openOn(apps);
    await apps.changeClient({ clientId: "a", apply: (client) => ({ ...client, aliases: ["kept"] }) });
    await apps.changeClient({ clientId: "b", apply: (client) => ({ ...client, aliases: ["alias"] }) });
    await directory.refresh();
    const owners = ["a", "b", "alias", "kept"].map((id) => directory.find(id)?.client.clientId);
    expect(owners).toEqual(["a", "b", "b", "a"]);
  });

  it("answers preflights for the origins of all clients and their apps, and of localhost only where that is allowed", async () => {
    await apps.changeApp({ appId: "default", apply: (app) => ({ ...app, allowedOrigins: ["https://app.example"] }) });
    await addClient({ allowedOrigins: ["https://web.example"] });
    await apps.createApp({ app: newApp({ appId: "bare" }), now: t0 });
    await addClient({ appId: "bare", clientId: "bare-web" });
    const origins = ["https://app.example", "https://web.example", "http://localhost:5173", "https://other.example", "null"];
    const production = await openOn(apps);
    expect(origins.map((origin) => production.allowsOrigin(origin))).toEqual([true, true, false, false, false]);
    const development = await openOn(apps, { localhostAllowed: true });
    expect(origins.map((origin) => development.allowsOrigin(origin))).toEqual([true, true, true, false, false]);
    expect(development.find("bare-web")?.client.allowedOrigins).toBe("any-localhost");
    await apps.changeClient({
      clientId: "bare-web",
      apply: (client) => ({ ...client, allowedOrigins: ["https://bare.example"] }),
    });
    await development.refresh();
    expect(development.allowsOrigin("http://localhost:5173")).toBe(false);
    expect(development.allowsOrigin("https://bare.example")).toBe(true);
  });

  it("acts on a change of another process within a second", async () => {
    const directory = await openOn(stores[1]!.apps);
    const acts = async (what: string, change: Promise<unknown>, has: () => boolean) => {
      await change;
      const from = performance.now();
      await eventually(what, async () => has() || undefined);
      expect(performance.now() - from).toBeLessThan(1_000);
    };
    const found = () => directory.find("web");
    await acts("the client", addClient({ clientId: "web" }), () => found() !== null);
    const longer = apps.changeApp({ appId: "default", apply: (app) => ({ ...app, policy: { codeLength: 9 } }) });
    await acts("the policy", longer, () => found()?.app.policy.codeLength === 9);
    await acts("the end", apps.deleteClient({ clientId: "web", now: t0 }), () => found() === null);
  });

  it("has each of 20 concurrent changes when the refresh after it ends", async () => {
    const directory = await openOn(apps);
    const add = async (clientId: string) => {
      await addClient({ clientId });
      await directory.refresh();
      return directory.find(clientId)?.client.clientId;
    };
    const ids = times(20, (n) => `client-${n}`);
    expect(await Promise.all(ids.map(add))).toEqual(ids);
  });

  it("looks up an unknown id at once, once for all that ask, and not again for 250 ms", async () => {
    holdTimers();
    const watch = watched();
    const directory = await openOn(watch.apps);
    await addClient({ clientId: "web" });
    expect(directory.find("web")).toBeNull();
    const ids = ["web", ...times(20, (n) => `unknown-${n}`)];
    const found = await Promise.all(ids.map((id) => directory.lookUp(id)));
    expect(found.map((one) => one?.client.clientId)).toEqual(["web", ...times(20, () => undefined)]);
    expect(watch.reads).toHaveLength(2);
    await Promise.all(ids.map((id) => directory.lookUp(id)));
    expect(watch.reads).toHaveLength(2);
    vi.advanceTimersByTime(249);
    expect(await directory.lookUp("unknown")).toBeNull();
    expect(watch.reads).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect((await directory.lookUp("web"))?.client.clientId).toBe("web");
    await directory.lookUp("unknown");
    expect(watch.reads.length).toBeGreaterThan(2);
  });

  it("serves its last snapshot while the database can't be read, and logs that once, and its end", async () => {
    holdTimers();
    const watch = watched();
    await addClient({ clientId: "web" });
    const directory = await openOn(watch.apps);
    watch.error = new StoreUnavailableError("gone");
    for (const _ of times(3, Number)) await directory.refresh();
    expect(directory.find("web")).not.toBeNull();
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
    watch.error = null;
    await addClient({ clientId: "new" });
    await directory.refresh();
    expect(directory.find("new")).not.toBeNull();
    expect(log.lines.map(({ level }) => level)).toEqual(["warn", "info"]);
  });

  it("leaves a move of the data to readiness, which logs it", async () => {
    holdTimers();
    const watch = watched();
    const directory = await openOn(watch.apps);
    watch.error = new StoreMovedError("moved", "elsewhere");
    await directory.refresh();
    expect(log.lines).toEqual([]);
  });

  it("does not open while the database can't be read", async () => {
    const watch = watched();
    watch.error = new StoreUnavailableError("gone");
    await expect(openOn(watch.apps)).rejects.toThrow("gone");
  });

  it("is read as a whole again after an outage of half a day, because marks of deletions are kept for a day", async () => {
    holdTimers();
    const watch = watched();
    await addClient({ clientId: "web" });
    const directory = await openOn(watch.apps);
    await apps.deleteClient({ clientId: "web", now: t0 });
    clock.advance(13 * hour);
    await directory.refresh();
    expect(watch.reads).toEqual([0, 0]);
    expect(directory.find("web")).toBeNull();
    await directory.refresh();
    expect(watch.reads.at(-1)).toBeGreaterThan(0);
  });

  it("is read as a whole again when the database went back to an earlier revision, as a restored backup does", async () => {
    holdTimers();
    const early = (await open(1))[0]!;
    await addClient({ clientId: "lost" });
    let current = apps;
    const directory = await openOn({ changesSince: (revision) => current.changesSince(revision) });
    expect(directory.find("lost")).not.toBeNull();
    current = early.apps;
    await directory.refresh();
    expect([directory.find("lost"), directory.isEmpty(), directory.findApp("default")?.appId]).toEqual([null, true, "default"]);
    await early.close();
  });

  it("reads nothing once it is stopped", async () => {
    holdTimers();
    const watch = watched();
    const directory = await openOn(watch.apps);
    vi.advanceTimersByTime(250);
    await directory.stop();
    expect(watch.reads).toHaveLength(2);
    vi.advanceTimersByTime(10_000);
    expect(watch.reads).toHaveLength(2);
  });
});
