import { expect, it } from "vitest";
import type { CheckClient } from "../../../src/store/port/apps.js";
import { directoryOf, newSecret } from "./directory-fixtures.js";
import { type Scene, t0, times } from "./fixtures.js";

/** Changes that are refused if a client has a right, while others give it that right. */
export function checkedChanges(scene: Scene): void {
  const { addApp, addClient, revisionNow, changesIn } = directoryOf(scene);

  const check: CheckClient = ({ scopes }) => {
    if (scopes.includes("operator")) throw new Error("not allowed");
  };
  const raise = async (clientId: string) =>
    await scene.store.apps.changeClient({ clientId, apply: (was) => ({ ...was, scopes: ["operator"] }) });
  /** Runs both at once. Returns whether the checked change came first, and the outcome of the other. Throws if it failed otherwise. */
  async function race(n: number, { clientId, change }: { readonly clientId: string; readonly change: () => Promise<unknown> }) {
    const earlyRaise = n % 2 === 0 ? raise(clientId) : null;
    const isFirst = change().then(
      () => true,
      (error: unknown) => {
        expect(error).toEqual(new Error("not allowed"));
        return false;
      },
    );
    const raised = await (earlyRaise ?? raise(clientId));
    return { isFirst: await isFirst, raised };
  }
  /** Of 20 races, each won by the checked change or by the other, each side must win one. */
  const eachWins = async (one: (n: number) => Promise<boolean>) =>
    expect(new Set(await Promise.all(times(20, one))).size).toBe(2);
  const addConfidential = (appId = "default", secret = newSecret()) => addClient({ appId, kind: "confidential" }, secret);

  it("a client is deleted only without the right: of a race with the grant one wins", async () => {
    await eachWins(async (n) => {
      const { clientId } = await addConfidential();
      const change = () => scene.store.apps.deleteClient({ clientId, now: t0, check });
      const { isFirst, raised } = await race(n, { clientId, change });
      expect(raised === null).toBe(isFirst);
      expect((await scene.store.apps.findClient(clientId)) === null).toBe(isFirst);
      return isFirst;
    });
  });

  it("a secret is added only without the right: no grant comes before it", async () => {
    await eachWins(async (n) => {
      const { clientId } = await addConfidential();
      const change = () => scene.store.apps.addSecret({ clientId, secret: newSecret(), endOthersAt: null, now: t0, check });
      const { isFirst, raised } = await race(n, { clientId, change });
      const count = isFirst ? 2 : 1;
      expect(raised).toMatchObject({ client: { secrets: times(count, () => ({})) } });
      expect((await scene.store.apps.findClient(clientId))!.secrets).toHaveLength(count);
      return isFirst;
    });
  });

  it("a secret is deleted only without the right: no grant comes before it", async () => {
    await eachWins(async (n) => {
      const secret = newSecret();
      const { clientId } = await addConfidential("default", secret);
      const change = () => scene.store.apps.deleteSecret({ clientId, secretId: secret.secretId, check });
      const { isFirst, raised } = await race(n, { clientId, change });
      const left = isFirst ? [] : [secret];
      expect(raised).toMatchObject({ client: { secrets: left } });
      expect((await scene.store.apps.findClient(clientId))!.secrets).toEqual(left);
      return isFirst;
    });
  });

  it("an app is deleted only if no client of it has the right: of a race with the grant one wins", async () => {
    await eachWins(async (n) => {
      const { appId } = await addApp();
      await addConfidential(appId);
      const { clientId } = await addConfidential(appId);
      const change = () => scene.store.apps.deleteApp({ appId, now: t0, check });
      const { isFirst, raised } = await race(n, { clientId, change });
      expect(raised === null).toBe(isFirst);
      expect((await scene.store.apps.findApp(appId)) === null).toBe(isFirst);
      return isFirst;
    });
  });

  it("an app is changed only if no client of it has the right: no grant comes before it", async () => {
    const outcomes: boolean[] = [];
    for (const n of times(6, (index) => index)) {
      const { appId } = await addApp();
      const { clientId } = await addConfidential(appId);
      const before = await revisionNow();
      const change = () => scene.store.apps.changeApp({ appId, apply: (was) => ({ ...was, state: "archived" }), check });
      const { isFirst } = await race(n, { clientId, change });
      expect((await scene.store.apps.findApp(appId))!.state).toBe(isFirst ? "archived" : "active");
      // Of two changes the later one is the grant; a refused change has no revision.
      expect(await changesIn(before + (isFirst ? 1 : 0))).toMatchObject({ apps: [], clients: [{ client: { clientId } }] });
      outcomes.push(isFirst);
    }
    expect(new Set(outcomes).size).toBe(2);
  });

  it("rights of other apps' clients do not matter", async () => {
    const { clientId } = await addConfidential();
    await raise(clientId);
    const { appId } = await addApp();
    expect(await scene.store.apps.changeApp({ appId, apply: (was) => ({ ...was, displayName: "New" }), check })).not.toBeNull();
    expect(await scene.store.apps.deleteApp({ appId, now: t0, check })).toBe("deleted");
  });
}
