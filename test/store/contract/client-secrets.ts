import { expect, it } from "vitest";
import type { ClientSecret } from "../../../src/model/client.js";
import type { Apps } from "../../../src/store/port/apps.js";
import { directoryOf, newSecret } from "./directory-fixtures.js";
import { day, hour, minute, type Scene, t0, times } from "./fixtures.js";

export function clientSecrets(scene: Scene): void {
  const { addClient, revisionNow, changesIn } = directoryOf(scene);

  const secretsOf = async (clientId: string) => (await scene.store.apps.findClient(clientId))!.secrets;
  const isAdded = (outcome: Awaited<ReturnType<Apps["addSecret"]>>) => typeof outcome === "object";
  const add = (clientId: string, secret: ClientSecret, { endOthersAt = null as number | null, now = t0 } = {}) =>
    scene.store.apps.addSecret({ clientId, secret, endOthersAt, now });

  it("of 20 racers that add a secret to a client with one, one does: no client has more than two live secrets", async () => {
    const { clientId } = await addClient({ kind: "confidential" }, newSecret());
    const added = await Promise.all(times(20, () => add(clientId, newSecret())));
    expect(added.filter((outcome) => outcome === "too_many")).toHaveLength(19);
    expect(added.filter(isAdded)).toHaveLength(1);
    expect(await secretsOf(clientId)).toHaveLength(2);
  });

  it("of 20 racers that each end the others later, one adds a secret: the others live until their end", async () => {
    const { clientId } = await addClient({ kind: "confidential" }, newSecret());
    const added = await Promise.all(times(20, () => add(clientId, newSecret(), { endOthersAt: t0 + day })));
    expect(added.filter(isAdded)).toHaveLength(1);
    const ends = (await secretsOf(clientId)).map(({ expiresAt }) => expiresAt);
    expect(ends.toSorted()).toEqual([t0 + day, null].toSorted());
  });

  it("of 20 racers that each end the others at once, all add a secret and one stays live", async () => {
    const { clientId } = await addClient({ kind: "confidential" }, newSecret());
    const added = await Promise.all(times(20, () => add(clientId, newSecret(), { endOthersAt: t0 })));
    expect(added.every(isAdded)).toBe(true);
    expect((await secretsOf(clientId)).filter(({ expiresAt }) => expiresAt === null)).toHaveLength(1);
  });

  it("a new secret ends the others at the latest at the time given; an earlier end stays, other clients' secrets too", async () => {
    const [other, soon] = [newSecret(), newSecret({ createdAt: t0 - 1, expiresAt: t0 + minute })];
    const { clientId: elsewhere } = await addClient({ kind: "confidential" }, other);
    const client = await addClient({ kind: "confidential" }, soon);
    const added = newSecret();
    const stored = { client, secrets: [soon, added] };
    expect(await add(client.clientId, added, { endOthersAt: t0 + hour })).toEqual(stored);
    expect(await scene.store.apps.findClient(client.clientId)).toEqual(stored);
    expect(await secretsOf(elsewhere)).toEqual([other]);
  });

  it("a secret whose end has passed takes no place", async () => {
    const { clientId } = await addClient({ kind: "confidential" }, newSecret({ expiresAt: t0 + hour }));
    await add(clientId, newSecret());
    expect(await add(clientId, newSecret(), { now: t0 + hour - 1 })).toBe("too_many");
    expect(isAdded(await add(clientId, newSecret(), { now: t0 + hour }))).toBe(true);
  });

  it("a refused secret changes nothing", async () => {
    const { clientId } = await addClient({ kind: "confidential" }, newSecret());
    await add(clientId, newSecret());
    const [before, revision] = [await secretsOf(clientId), await revisionNow()];
    expect(await add(clientId, newSecret(), { endOthersAt: t0 + day })).toBe("too_many");
    expect(await add("nothing", newSecret())).toBe("no_client");
    expect([await secretsOf(clientId), await revisionNow()]).toEqual([before, revision]);
  });

  it("a secret is deleted only from its own client", async () => {
    const secret = newSecret();
    const client = await addClient({ kind: "confidential" }, secret);
    const { clientId } = client;
    const { clientId: other } = await addClient({ kind: "confidential" }, newSecret());
    const drop = (of: string) => scene.store.apps.deleteSecret({ clientId: of, secretId: secret.secretId });
    expect(await drop(other)).toBeNull();
    expect(await secretsOf(clientId)).toEqual([secret]);
    expect([await drop(clientId), await drop(clientId)]).toEqual([client, null]);
    expect(await secretsOf(clientId)).toEqual([]);
  });

  it("added, ended and deleted secrets are changes of their client", async () => {
    const { clientId } = await addClient({ kind: "confidential" });
    const secret = newSecret();
    const changed = async (act: () => Promise<unknown>) => {
      const since = await revisionNow();
      await act();
      return (await changesIn(since)).clients.map(({ client, secrets }) => [client.clientId, secrets.length]);
    };
    expect(await changed(() => add(clientId, secret))).toEqual([[clientId, 1]]);
    expect(await changed(() => add(clientId, newSecret(), { endOthersAt: t0 + day }))).toEqual([[clientId, 2]]);
    expect(await changed(() => scene.store.apps.deleteSecret({ clientId, secretId: secret.secretId }))).toEqual([
      [clientId, 1],
    ]);
  });

  it("the last use of a secret is known to the hour and never goes back", async () => {
    const secret = newSecret();
    const { clientId } = await addClient({ kind: "confidential" }, secret);
    const used = async (now: number) => {
      await scene.store.apps.noteSecretUse({ secretId: secret.secretId, now });
      return (await secretsOf(clientId))[0]!.lastUsedAt;
    };
    expect(await used(t0 + 5 * minute)).toBe(t0);
    expect(await used(t0 + 59 * minute)).toBe(t0);
    expect(await used(t0 + hour)).toBe(t0 + hour);
    expect(await used(t0)).toBe(t0 + hour);
    await scene.store.apps.noteSecretUse({ secretId: "nothing", now: t0 });
  });

  it("of 20 racers that use one assertion one may; another client or id is not in the way", async () => {
    const use = (clientId: string, jti: string) => scene.store.apps.useAssertion({ clientId, jti, expiresAt: t0 + minute });
    const used = await Promise.all(times(20, () => use("a", "id \0")));
    expect(used.filter(Boolean)).toHaveLength(1);
    expect([await use("a", "id \0"), await use("a", "id"), await use("b", "id \0")]).toEqual([false, true, true]);
  });
}
