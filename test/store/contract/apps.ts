import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import type { AppRecord, RegistrationHook } from "../../../src/model/app.js";
import type { AppCarrier } from "../../../src/model/carrier.js";
import type { ClientRecord } from "../../../src/model/client.js";
import { directoryOf, newApp, newSecret } from "./directory-fixtures.js";
import { bytes, day, email, issue, newSession, type Scene, signIn, t0, times } from "./fixtures.js";
import { membersOf } from "./member-fixtures.js";

const first = { after: "", limit: 100 };

export function apps(scene: Scene): void {
  const { addApp, addClient, revisionNow, changesIn } = directoryOf(scene);

  it("a new database has the pool main and the app default, which has the number 1", async () => {
    const { apps: listed, clients, deletedApps, deletedClients } = await scene.store.apps.changesSince(0);
    expect(listed).toMatchObject([{ appId: "default", poolId: "main", number: 1, state: "active", policy: {} }]);
    expect([clients, deletedApps, deletedClients]).toEqual([[], [], []]);
  });

  it("an app is given back as it was stored, with the next number", async () => {
    const app = newApp({
      poolId: "people",
      displayName: 'Zero \0 \\ "quoted" é 😀',
      logoUrl: "https://shop.example/logo.png",
      supportAddress: "help@shop.example",
      allowedOrigins: ["https://shop.example"],
      audience: "urn:shop",
      policy: { codeLength: 8, channels: ["email"], registration: false, lockoutFailures: 0 },
      roles: ["admin", "nurse"],
      ownerOrganization: "0f7c6f8e-6f0e-4d0c-9a51-3f6f2d7e8a11",
      registrationHook: { url: "https://shop.example/hook", keyId: "hook-1", failOpen: true },
      carriers: [
        { name: "second", channel: "sms", kind: "twilio", keyId: "carrier-2" },
        { name: "first", channel: "email", kind: "smtp", keyId: "carrier-1" },
      ],
      wording: {
        senderName: "Ada’s \0 Shop",
        accentColor: "#1a73e8",
        linkHosts: ["shop.example"],
        senderIds: ["SHOP"],
        autofill: { webHost: "shop.example", androidHash: "FA+9qCX9VSu" },
        texts: [{ channel: "sms", wording: "", locale: "de", subject: "", text: "Ihr Code\n{otp} 😀" }],
      },
      routing: [
        {
          channel: "sms",
          countries: ["SE"],
          prefixes: ["+4917"],
          carriers: [{ name: "shop/second", weight: 7 }],
          senders: ["SHOP"],
        },
        { channel: "email", countries: [], prefixes: [], carriers: [], senders: [] },
      ],
      testIdentifiers: [{ pattern: "qa-*@shop.example", code: "123456", endsAt: t0 + day }],
    });
    const created = await scene.store.apps.createApp({ app, now: t0 });
    expect(created).toEqual({ ...app, number: 2, createdAt: t0 });
    expect(await scene.store.apps.findApp(app.appId)).toEqual(created);
    expect((await addApp()).number).toBe(3);
  });

  it("apps are listed in the order of their ids, page by page", async () => {
    const { store } = scene;
    for (const appId of ["c", "a", "b"]) await addApp({ appId });
    const idsOf = (listed: readonly AppRecord[]) => listed.map(({ appId }) => appId);
    expect(idsOf(await store.apps.listApps({ after: "", limit: 2 }))).toEqual(["a", "b"]);
    expect(idsOf(await store.apps.listApps({ after: "b", limit: 2 }))).toEqual(["c", "default"]);
    expect(await store.apps.listApps({ after: "default", limit: 2 })).toEqual([]);
  });

  it("of 20 racers that create one app one does; the app stays as that one made it, and no number is lost", async () => {
    const { store } = scene;
    const made = await Promise.all(
      times(20, (n) => store.apps.createApp({ app: newApp({ appId: "shop", displayName: `${n}` }), now: t0 })),
    );
    const winners = made.filter((app) => app !== null);
    expect(winners).toHaveLength(1);
    expect(await store.apps.findApp("shop")).toEqual(winners[0]);
    expect((await addApp()).number).toBe(3);
  });

  it("an id with a character that no id has finds nothing", async () => {
    const { store } = scene;
    for (const id of ["\0", "\\", "'"]) {
      expect(await store.apps.findApp(id)).toBeNull();
      expect(await store.apps.findClient(id)).toBeNull();
      expect(await store.apps.deleteApp({ appId: id, now: t0 })).toBeNull();
      expect(await store.apps.deleteClient({ clientId: id, now: t0 })).toBeNull();
    }
  });

  it("a change of an app replaces what may change, and only that", async () => {
    const { store } = scene;
    const app = await addApp();
    const wanted = { displayName: "New", policy: { codeTtlMs: 120_000 }, allowedOrigins: ["https://a.example"], audience: "a" };
    const other = { appId: "other", poolId: "other", number: 99, createdAt: t0 + 1 };
    const changed = await store.apps.changeApp({ appId: app.appId, apply: (was) => ({ ...was, ...wanted, ...other }) });
    expect(changed).toEqual({ ...app, ...wanted });
    expect(await store.apps.findApp(app.appId)).toEqual(changed);
    expect(await store.apps.changeApp({ appId: "nothing", apply: (was) => was })).toBeNull();
  });

  it("the key of a registration hook is deleted with the hook that names it, and with the app, and at no other change", async () => {
    const { store } = scene;
    const hookOf = async (): Promise<RegistrationHook> => {
      const keyId = randomUUID();
      const bare = { keyId, use: "hook", alg: "", publicJwk: "", sealed: Buffer.from(keyId) } as const;
      await store.keys.add({ key: { ...bare, createdAt: t0, activeAt: t0 } });
      return { url: "https://hooks.example.com/", keyId, failOpen: true };
    };
    const change = (appId: string, changes: Partial<AppRecord>) =>
      store.apps.changeApp({ appId, apply: (was) => ({ ...was, ...changes }) });
    const hooks = [await hookOf(), await hookOf(), await hookOf()] as const;
    const left = async () => {
      const ids = (await store.keys.list()).map(({ keyId }) => keyId);
      return hooks.map(({ keyId }) => ids.includes(keyId));
    };
    const { appId } = await addApp({ registrationHook: hooks[0] });
    expect((await store.apps.findApp(appId))!.registrationHook).toEqual(hooks[0]);
    await change(appId, { displayName: "New" });
    expect(await left()).toEqual([true, true, true]);
    await change(appId, { registrationHook: hooks[1] });
    expect(await left()).toEqual([false, true, true]);
    await change(appId, { registrationHook: null });
    expect(await left()).toEqual([false, false, true]);
    await change(appId, { registrationHook: hooks[2] });
    expect(await store.apps.deleteApp({ appId, now: t0 })).toBe("deleted");
    expect(await left()).toEqual([false, false, false]);
  });

  it("the keys of carriers are deleted with the carriers that name them, and with the app, and at no other change", async () => {
    const { store } = scene;
    const { appId } = await addApp();
    const carrierOf = (name: string): AppCarrier => ({ name, channel: "sms", kind: "smpp", keyId: randomUUID() });
    const put = (carriers: readonly AppCarrier[], { keyId }: AppCarrier) => {
      const bare = { keyId, use: "carrier", alg: "", publicJwk: "", sealed: Buffer.from(keyId) } as const;
      const newKey = { ...bare, createdAt: t0, activeAt: t0 };
      return store.apps.changeApp({ appId, apply: (was) => ({ ...was, carriers }), newKey });
    };
    const change = (changes: Partial<AppRecord>) => store.apps.changeApp({ appId, apply: (was) => ({ ...was, ...changes }) });
    const left = async () => (await store.keys.list({ use: "carrier" })).map(({ keyId }) => keyId).toSorted();
    const [one, two, three] = [carrierOf("one"), carrierOf("two"), carrierOf("one")] as const;
    const ids = (...carriers: readonly AppCarrier[]) => carriers.map(({ keyId }) => keyId).toSorted();
    await put([one], one);
    expect((await put([one, two], two))!.carriers).toEqual([one, two]);
    await change({ displayName: "New", carriers: [two, one] });
    expect((await store.apps.findApp(appId))!.carriers).toEqual([two, one]);
    expect(await left()).toEqual(ids(one, two));
    await put([two, three], three);
    expect(await left()).toEqual(ids(two, three));
    await change({ carriers: [three] });
    expect(await left()).toEqual(ids(three));
    expect(await store.apps.deleteApp({ appId, now: t0 })).toBe("deleted");
    expect(await left()).toEqual([]);
  });

  it("a hook and its key are stored together or not at all", async () => {
    const { store } = scene;
    const { appId } = await addApp();
    const keyId = randomUUID();
    const newKey = { keyId, use: "hook", alg: "", publicJwk: "", sealed: bytes(keyId), createdAt: t0, activeAt: t0 } as const;
    const registrationHook = { url: "https://hooks.example.com/", keyId, failOpen: true };
    const put = (id: string) => store.apps.changeApp({ appId: id, apply: (was) => ({ ...was, registrationHook }), newKey });
    const hasKey = async () => (await store.keys.list()).some((key) => key.keyId === keyId);
    expect(await put("nothing")).toBeNull();
    const refuse = () => {
      throw new Error("not allowed");
    };
    await expect(store.apps.changeApp({ appId, apply: refuse, newKey })).rejects.toThrow("not allowed");
    expect(await hasKey()).toBe(false);
    expect((await put(appId))!.registrationHook).toEqual(registrationHook);
    expect(await hasKey()).toBe(true);
    const other = await addApp();
    await expect(put(other.appId)).rejects.toThrow();
    expect((await store.apps.findApp(other.appId))!.registrationHook).toBeNull();
  });

  it("an error of the change is thrown and undoes it", async () => {
    const { store } = scene;
    const app = await addApp();
    const before = await revisionNow();
    const refuse = () => {
      throw new Error("not allowed");
    };
    await expect(store.apps.changeApp({ appId: app.appId, apply: refuse })).rejects.toThrow("not allowed");
    expect(await store.apps.findApp(app.appId)).toEqual(app);
    expect(await revisionNow()).toBe(before);
  });

  it("of 20 concurrent changes of an app none is lost", async () => {
    const { store } = scene;
    const { appId } = await addApp();
    const add = (origin: string) => (app: AppRecord) => ({ ...app, allowedOrigins: [...app.allowedOrigins, origin] });
    await Promise.all(times(20, (n) => store.apps.changeApp({ appId, apply: add(`https://${n}.example`) })));
    expect((await store.apps.findApp(appId))!.allowedOrigins.toSorted()).toEqual(
      times(20, (n) => `https://${n}.example`).toSorted(),
    );
  });

  it("an app without sessions is deleted with its clients, and the directory learns of all of them", async () => {
    const { store } = scene;
    const { appId } = await addApp();
    const clients = [await addClient({ appId, aliases: ["old-id"] }), await addClient({ appId })];
    const kept = await addClient();
    const since = await revisionNow();
    expect(await store.apps.deleteApp({ appId, now: t0 })).toBe("deleted");
    expect(await store.apps.deleteApp({ appId, now: t0 })).toBeNull();
    expect(await store.apps.findApp(appId)).toBeNull();
    expect(await store.apps.listClients({ appId, ...first })).toEqual([]);
    expect(await store.apps.findClient(kept.clientId)).not.toBeNull();
    const changes = await changesIn(since);
    expect(changes).toMatchObject({ apps: [], clients: [], deletedApps: [appId] });
    expect(changes.deletedClients.toSorted()).toEqual(clients.map(({ clientId }) => clientId).toSorted());
    await addClient({ aliases: ["old-id"] });
  });

  it("an app that was deleted can be made again, with a new number, and is then no deleted one", async () => {
    const { store } = scene;
    const { appId, number } = await addApp();
    const since = await revisionNow();
    await store.apps.deleteApp({ appId, now: t0 });
    expect((await addApp({ appId })).number).toBe(number + 1);
    expect(await changesIn(since)).toMatchObject({ apps: [{ appId, number: number + 1 }], deletedApps: [] });
  });

  it("an app with a session is archived and keeps its clients", async () => {
    const { store } = scene;
    const app = await addApp();
    const { clientId } = await addClient({ appId: app.appId });
    await signIn(store, email(), { newSession: newSession({ clientId, appId: app.appId }) });
    expect(await store.apps.deleteApp({ appId: app.appId, now: t0 })).toBe("archived");
    expect(await store.apps.findApp(app.appId)).toEqual({ ...app, state: "archived" });
    expect(await store.apps.listClients({ appId: app.appId, ...first })).toHaveLength(1);
  });

  it("an app with a member is archived, and deleted when the last one has left", async () => {
    const { store } = scene;
    const app = await addApp();
    const { user } = await membersOf(scene).add({}, { appId: app.appId });
    expect(await store.apps.deleteApp({ appId: app.appId, now: t0 })).toBe("archived");
    await store.users.leave({ appId: app.appId, userId: user.userId, now: t0 });
    expect(await store.apps.deleteApp({ appId: app.appId, now: t0 })).toBe("deleted");
  });

  it("an app with a live challenge is archived, and deleted when the challenge has expired", async () => {
    const { store } = scene;
    const app = await addApp();
    const { clientId } = await addClient({ appId: app.appId });
    const challenge = await issue(store, { clientId, appId: app.appId });
    expect(await store.apps.deleteApp({ appId: app.appId, now: t0 })).toBe("archived");
    expect(await store.apps.deleteApp({ appId: app.appId, now: challenge.expiresAt })).toBe("deleted");
  });

  it("a change of a client replaces what may change, and only that", async () => {
    const { store } = scene;
    const client = await addClient({ kind: "confidential" }, newSecret());
    const wanted: Partial<ClientRecord> = {
      displayName: "New",
      scopes: ["otp:send"],
      state: "disabled",
      aliases: ["a"],
      jwks: "{}",
    };
    const other: Partial<ClientRecord> = { clientId: "other", appId: "other", kind: "public", createdAt: t0 + 1 };
    const outcome = await store.apps.changeClient({
      clientId: client.clientId,
      apply: (was) => ({ ...was, ...wanted, ...other }),
    });
    const stored = await store.apps.findClient(client.clientId);
    expect(stored).toMatchObject({ client: { ...client, ...wanted }, secrets: [{}] });
    expect(outcome).toEqual({ kind: "changed", client: stored, unmarked: null });
    expect(await store.apps.changeClient({ clientId: "nothing", apply: (was) => was })).toBeNull();
  });
}
