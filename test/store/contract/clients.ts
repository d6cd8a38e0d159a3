import { expect, it } from "vitest";
import type { ClientRecord } from "../../../src/model/client.js";
import { directoryOf, newClient, newSecret } from "./directory-fixtures.js";
import { day, type Scene, t0, times } from "./fixtures.js";

export function clients(scene: Scene): void {
  const { addApp, addClient, revisionNow, changesIn } = directoryOf(scene);

  it("a client is given back as it was stored, with its secrets, oldest first", async () => {
    const { store } = scene;
    const client = newClient({
      kind: "confidential",
      displayName: "Back \0 end",
      scopes: ["otp:send", "users:read"],
      allowedOrigins: ["https://a.example"],
      hosts: ["a.example"],
      redirectUris: ["https://a.example/callback"],
      verifyByIdentifier: true,
      aliases: ["an alias \0", "42"],
      jwks: '{"keys":[{"note":"\\u0000"}]}',
      allowedAddresses: ["192.0.2.0/24"],
      state: "disabled",
    });
    const [older, newer] = [newSecret({ createdAt: t0 }), newSecret({ createdAt: t0 + 1, expiresAt: t0 + day })];
    expect(await store.apps.createClient({ client, secret: newer })).toEqual({ kind: "created", unmarked: null });
    const addition = { clientId: client.clientId, secret: older, endOthersAt: null, now: t0 };
    const stored = { client, secrets: [older, newer] };
    expect(await store.apps.addSecret(addition)).toEqual(stored);
    expect(await store.apps.findClient(client.clientId)).toEqual(stored);
  });

  it("clients are listed by app, in the order of their ids, page by page, with all their secrets", async () => {
    const { store } = scene;
    const { appId } = await addApp();
    await addClient({ clientId: "elsewhere" });
    for (const clientId of ["c2", "c1", "c3"]) {
      await addClient({ appId, clientId, kind: "confidential" });
      for (const secret of [newSecret(), newSecret()]) {
        await store.apps.addSecret({ clientId, secret, endOthersAt: null, now: t0 });
      }
    }
    const page = async (after: string) =>
      (await store.apps.listClients({ appId, after, limit: 2 })).map(({ client, secrets }) => [
        client.clientId,
        secrets.length,
      ]);
    expect(await page("")).toEqual([
      ["c1", 2],
      ["c2", 2],
    ]);
    expect(await page("c2")).toEqual([["c3", 2]]);
  });

  it("a client of an app that does not exist is refused", async () => {
    const client = newClient({ appId: "nothing" });
    expect(await scene.store.apps.createClient({ client, secret: null })).toEqual({ kind: "no_app" });
    expect(await scene.store.apps.findClient(client.clientId)).toBeNull();
  });

  it("of 20 racers that create one client, or one alias, one does", async () => {
    const { store } = scene;
    const create = (changes: Partial<ClientRecord>) => store.apps.createClient({ client: newClient(changes), secret: null });
    const made = await Promise.all(times(20, (n) => create({ clientId: "web", displayName: `${n}` })));
    expect(made.filter(({ kind }) => kind === "created")).toHaveLength(1);
    expect(made.filter(({ kind }) => kind === "taken")).toHaveLength(19);
    expect((await store.apps.findClient("web"))!.client.displayName).toBe(
      `${made.findIndex(({ kind }) => kind === "created")}`,
    );
    const aliased = await Promise.all(times(20, () => create({ aliases: ["alias"] })));
    expect(aliased.filter(({ kind }) => kind === "created")).toHaveLength(1);
    expect(aliased.find(({ kind }) => kind === "taken")).toEqual({ kind: "taken", id: "alias" });
  });

  it("no id or alias of a client is one of another client", async () => {
    const { store } = scene;
    const client = await addClient({ aliases: ["alias"] });
    const other = await addClient();
    const taken = (id: string) => ({ kind: "taken", id });
    const create = (changes: Partial<ClientRecord>) => store.apps.createClient({ client: newClient(changes), secret: null });
    const change = (aliases: readonly string[]) =>
      store.apps.changeClient({ clientId: other.clientId, apply: (was) => ({ ...was, aliases }) });
    const before = await revisionNow();
    expect(await create({ clientId: "alias" })).toEqual(taken("alias"));
    expect(await create({ aliases: ["free", client.clientId] })).toEqual(taken(client.clientId));
    expect(await change(["alias"])).toEqual(taken("alias"));
    expect(await change([client.clientId])).toEqual(taken(client.clientId));
    expect(await revisionNow()).toBe(before);
    expect((await store.apps.findClient(other.clientId))!.client).toEqual(other);
    // Given up, it is free.
    await store.apps.changeClient({ clientId: client.clientId, apply: (was) => ({ ...was, aliases: ["new"] }) });
    expect(await change(["alias"])).toMatchObject({ kind: "changed", client: { client: { aliases: ["alias"] } } });
  });

  it("of 20 concurrent changes of a client none is lost", async () => {
    const { store } = scene;
    const { clientId } = await addClient();
    const add = (host: string) => (client: ClientRecord) => ({ ...client, hosts: [...client.hosts, host] });
    await Promise.all(times(20, (n) => store.apps.changeClient({ clientId, apply: add(`${n}.example`) })));
    expect((await store.apps.findClient(clientId))!.client.hosts).toHaveLength(20);
  });

  it("at most one client is the default one: the one that was marked last, also of 20 racers", async () => {
    const { store } = scene;
    const [a, b] = [await addClient({ isDefault: true }), await addClient({ isDefault: true })];
    const marked = async () =>
      (await store.apps.changesSince(0)).clients.filter(({ client }) => client.isDefault).map(({ client }) => client.clientId);
    expect(await marked()).toEqual([b.clientId]);
    const since = await revisionNow();
    const changed = await store.apps.changeClient({ clientId: a.clientId, apply: (was) => ({ ...was, isDefault: true }) });
    expect(changed).toMatchObject({ kind: "changed", unmarked: b.clientId });
    expect(await marked()).toEqual([a.clientId]);
    expect((await changesIn(since)).clients).toHaveLength(2);
    await Promise.all(times(20, () => addClient({ isDefault: true })));
    expect(await marked()).toHaveLength(1);
  });

  it("a deleted client is gone with its secrets and aliases; its id can be used again", async () => {
    const { store } = scene;
    const client = await addClient({ kind: "confidential", aliases: ["alias"] }, newSecret());
    const since = await revisionNow();
    const drop = () => store.apps.deleteClient({ clientId: client.clientId, now: t0 });
    expect((await Promise.all(times(20, drop))).filter(Boolean)).toEqual([client]);
    expect(await store.apps.findClient(client.clientId)).toBeNull();
    expect(await changesIn(since)).toMatchObject({ clients: [], deletedClients: [client.clientId] });
    await addClient({ clientId: client.clientId, aliases: ["alias"] });
    expect(await store.apps.findClient(client.clientId)).toMatchObject({ secrets: [] });
    expect(await changesIn(since)).toMatchObject({ clients: [{}], deletedClients: [] });
  });

  it("settings are imported once: of 20 racers one does it, and never again", async () => {
    const { store } = scene;
    const client = newClient({ clientId: "default-web", allowedOrigins: ["https://a.example"], isDefault: true });
    const doImport = () => store.apps.importSettings({ client, now: t0 });
    expect((await Promise.all(times(20, doImport))).filter(Boolean)).toHaveLength(1);
    expect((await store.apps.findClient("default-web"))!.client).toEqual(client);
    await store.apps.deleteClient({ clientId: "default-web", now: t0 });
    expect(await doImport()).toBe(false);
    expect(await store.apps.findClient("default-web")).toBeNull();
  });

  it("an import leaves a client of its id, and the default client, as they are", async () => {
    const { store } = scene;
    const other = await addClient({ isDefault: true });
    const client = await addClient({ clientId: "default-web" });
    const imported = newClient({ clientId: "default-web", allowedOrigins: ["https://a.example"], isDefault: true });
    expect(await store.apps.importSettings({ client: imported, now: t0 })).toBe(true);
    expect((await store.apps.findClient("default-web"))!.client).toEqual(client);
    expect((await store.apps.findClient(other.clientId))!.client).toEqual(other);
  });

  it("an import takes the mark from no other client", async () => {
    const { store } = scene;
    const other = await addClient({ isDefault: true });
    await store.apps.importSettings({ client: newClient({ clientId: "default-web", isDefault: true }), now: t0 });
    expect((await store.apps.findClient("default-web"))!.client.isDefault).toBe(false);
    expect((await store.apps.findClient(other.clientId))!.client.isDefault).toBe(true);
  });
}
