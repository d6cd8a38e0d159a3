import { expect, it } from "vitest";
import type { AppRecord } from "../../../src/model/app.js";
import { directoryOf, newApp, newClient, newSecret } from "./directory-fixtures.js";
import { day, type Scene, t0, times } from "./fixtures.js";

const first = { after: "", limit: 100 };

export function directoryChanges(scene: Scene): void {
  const { addApp, revisionNow, changesIn } = directoryOf(scene);

  it("every change has the next revision, and a refused one has none", async () => {
    const { store } = scene;
    const app = newApp();
    const client = newClient({ appId: app.appId });
    const { clientId } = client;
    const secret = newSecret();
    const of = { appId: app.appId, clientId, now: t0 };
    const acts: [expected: number, act: () => Promise<unknown>][] = [
      [1, () => store.apps.createApp({ app, now: t0 })],
      [0, () => store.apps.createApp({ app, now: t0 })],
      [1, () => store.apps.createClient({ client, secret: null })],
      [0, () => store.apps.createClient({ client, secret: null })],
      [1, () => store.apps.changeApp({ ...of, apply: (was) => was })],
      [1, () => store.apps.changeClient({ ...of, apply: (was) => was })],
      [1, () => store.apps.addSecret({ ...of, secret, endOthersAt: null })],
      [0, () => store.apps.noteSecretUse({ secretId: secret.secretId, now: t0 })],
      [0, () => store.apps.useAssertion({ clientId, jti: "jti", expiresAt: t0 + day })],
      [1, () => store.apps.deleteSecret({ clientId, secretId: secret.secretId })],
      [0, () => store.apps.deleteSecret({ clientId, secretId: secret.secretId })],
      [1, () => store.apps.deleteClient(of)],
      [0, () => store.apps.deleteClient(of)],
      [1, () => store.apps.deleteApp(of)],
      [0, () => store.apps.deleteApp(of)],
      [1, () => store.apps.importSettings({ client: newClient(), now: t0 })],
      [0, () => store.apps.importSettings({ client: newClient(), now: t0 })],
    ];
    for (const [expected, act] of acts) {
      const before = await revisionNow();
      await act();
      expect((await revisionNow()) - before, String(act)).toBe(expected);
    }
  });

  it("nothing new is nothing", async () => {
    await addApp();
    const revision = await revisionNow();
    expect(await changesIn(revision)).toEqual({ revision, apps: [], clients: [], deletedApps: [], deletedClients: [] });
  });

  it("a reader that asks for what is new sees every change of 20 concurrent writers", async () => {
    const { store } = scene;
    const seen = new Map<string, AppRecord>();
    let revision = 0;
    let writing = true;
    const look = async () => {
      const changes = await store.apps.changesSince(revision);
      expect(changes.revision).toBeGreaterThanOrEqual(revision);
      revision = changes.revision;
      for (const app of changes.apps) seen.set(app.appId, app);
      for (const appId of changes.deletedApps) seen.delete(appId);
    };
    const read = async () => {
      while (writing) {
        await look();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const write = async (n: number) => {
      const { appId } = await addApp();
      await store.apps.changeApp({ appId, apply: (app) => ({ ...app, displayName: `changed ${n}` }) });
      if (n % 3 === 0) await store.apps.deleteApp({ appId, now: t0 });
      if (n % 6 === 0) await addApp({ appId, displayName: "again" });
    };
    const reading = read();
    await Promise.all(times(20, write));
    writing = false;
    await reading;
    await look();
    const all = await store.apps.listApps(first);
    expect([...seen.values()].toSorted((a, b) => (a.appId < b.appId ? -1 : 1))).toEqual(all);
    expect(all).toHaveLength(1 + 20 - 7 + 4);
  });
}
