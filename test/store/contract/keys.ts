import { expect, it } from "vitest";
import type { StoredKey } from "../../../src/store/port/keys.js";
import {
  appId,
  bytes,
  email,
  hour,
  issue,
  minute,
  newSession,
  redeem,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
  unique,
} from "./fixtures.js";

export function newKey(changes: Partial<StoredKey> = {}): StoredKey {
  const keyId = unique("key");
  return {
    keyId,
    use: "signing",
    alg: "ES256",
    publicJwk: `{"kid":"${keyId}"}`,
    sealed: bytes(keyId, 32),
    createdAt: t0,
    activeAt: t0,
    ...changes,
  };
}

export function keys(scene: Scene): void {
  it("keys are listed oldest first, as they were added", async () => {
    const { store } = scene;
    expect(await store.keys.list()).toEqual([]);
    const added = [
      newKey({ createdAt: t0 + 2 }),
      newKey({ createdAt: t0, activeAt: t0 + hour }),
      newKey({ createdAt: t0 + 1 }),
    ];
    for (const key of added) expect(await store.keys.add({ key })).toBe(true);
    expect(await store.keys.list()).toEqual([added[1], added[2], added[0]]);
  });

  it("a key is found by its id, and those of one use are listed alone", async () => {
    const { store } = scene;
    const [signing, carrier] = [newKey(), newKey({ use: "carrier", alg: "", publicJwk: "", createdAt: t0 - 1 })];
    for (const key of [signing, carrier]) await store.keys.add({ key });
    expect(await store.keys.find(carrier.keyId)).toEqual(carrier);
    expect(await store.keys.find("nothing")).toBeNull();
    expect(await store.keys.list({ use: "carrier" })).toEqual([carrier]);
    expect(await store.keys.list({ use: "hook" })).toEqual([]);
  });

  it("keys of one moment are listed in the order of their ids' bytes, and the last of them is the newest", async () => {
    const { store } = scene;
    const ids = ["K", "a", "b", "é"];
    for (const keyId of ids.toReversed()) await store.keys.add({ key: newKey({ keyId }) });
    expect((await store.keys.list()).map(({ keyId }) => keyId)).toEqual(ids);
    expect(await store.keys.add({ key: newKey({ createdAt: t0 + 1 }), ifNewest: "b" })).toBe(false);
    expect(await store.keys.add({ key: newKey({ createdAt: t0 + 1 }), ifNewest: "é" })).toBe(true);
  });

  it("a key with an id that is there already is refused, and the one that is there stays", async () => {
    const { store } = scene;
    const key = newKey();
    await store.keys.add({ key });
    await expect(store.keys.add({ key: newKey({ keyId: key.keyId }) })).rejects.toThrow();
    expect(await store.keys.list()).toEqual([key]);
  });

  it("of 20 racers that add the first key of a use one does; the other use is not in the way", async () => {
    const { store } = scene;
    await store.keys.add({ key: newKey({ use: "lookup", alg: "", publicJwk: "" }), ifNewest: null });
    const added = await Promise.all(times(20, () => store.keys.add({ key: newKey(), ifNewest: null })));
    expect(added.filter(Boolean)).toHaveLength(1);
    expect((await store.keys.list()).map(({ use }) => use).sort()).toEqual(["lookup", "signing"]);
  });

  it("of 20 racers that add a key after the newest of a use one does; naming an older key adds none", async () => {
    const { store } = scene;
    const [older, newest] = [newKey({ createdAt: t0 }), newKey({ createdAt: t0 + 1 })];
    for (const key of [newest, older]) await store.keys.add({ key });
    await store.keys.add({ key: newKey({ use: "lookup", alg: "", publicJwk: "", createdAt: t0 + 9 }) });
    const before = await store.keys.list();
    const add = (ifNewest: string | null) => store.keys.add({ key: newKey({ createdAt: t0 + 2 }), ifNewest });
    expect([await add(older.keyId), await add("unknown"), await add(null)]).toEqual([false, false, false]);
    expect(await store.keys.list()).toEqual(before);
    const added = await Promise.all(times(20, () => add(newest.keyId)));
    expect(added.filter(Boolean)).toHaveLength(1);
    expect((await store.keys.list()).filter(({ use }) => use === "signing")).toHaveLength(3);
  });

  it("of 20 racers that seal a key again one does, and only over the form that it read", async () => {
    const { store } = scene;
    const key = newKey();
    await store.keys.add({ key });
    const change = (sealed: Uint8Array) => ({ keyId: key.keyId, was: key.sealed, sealed });
    const resealed = await Promise.all(times(20, (index) => store.keys.reseal(change(bytes(`form ${index}`)))));
    expect(resealed.filter(Boolean)).toHaveLength(1);
    expect((await store.keys.list())[0]?.sealed).toEqual(bytes(`form ${resealed.indexOf(true)}`));
    const [after] = await store.keys.list();
    expect(await store.keys.reseal({ keyId: "nothing", was: after!.sealed, sealed: bytes("x") })).toBe(false);
    expect(await store.keys.reseal(change(bytes("x")))).toBe(false);
    expect(await store.keys.list()).toEqual([after]);
  });

  it("a deleted key is gone; deleting it again is no error", async () => {
    const { store } = scene;
    const [gone, kept] = [newKey(), newKey()];
    for (const key of [gone, kept]) await store.keys.add({ key });
    await store.keys.delete(gone.keyId);
    await store.keys.delete(gone.keyId);
    expect(await store.keys.list()).toEqual([kept]);
  });

  it("a check value is added once, never replaced, and can be deleted", async () => {
    const { store } = scene;
    const checks = times(20, (index) => ({ use: "master" as const, keyId: "k1", check: bytes(`check ${index}`) }));
    await Promise.all(checks.map((check) => store.keys.addCheck(check)));
    await store.keys.addCheck({ use: "pepper", keyId: "k1", check: bytes("pepper") });
    const listed = await store.keys.listChecks();
    expect(listed).toHaveLength(2);
    await store.keys.addCheck({ use: "master", keyId: "k1", check: bytes("other") });
    expect(await store.keys.listChecks()).toEqual(listed);
    await store.keys.deleteCheck({ use: "master", keyId: "k1" });
    await store.keys.deleteCheck({ use: "master", keyId: "k1" });
    expect(await store.keys.listChecks()).toEqual([{ use: "pepper", keyId: "k1", check: bytes("pepper") }]);
  });

  it("uses of a key are live sessions and live challenges, and end with them", async () => {
    const { store } = scene;
    const count = (use: "master" | "pepper", keyId: string, now = t0) => store.keys.countUses({ use, keyId, now });
    const { session } = await signIn(store, email(), { newSession: newSession({ keyId: "old", idleExpiresAt: t0 + hour }) });
    await signIn(store, email(), { newSession: newSession({ keyId: "new" }) });
    const codeHash = { profile: "fast", pepperId: "old pepper", salt: bytes("s"), tag: bytes("t", 32) };
    const challenge = await issue(store, { codeHash });
    await issue(store, { codeHash });
    expect(await count("master", "old")).toBe(1);
    expect(await count("pepper", "old pepper")).toBe(2);
    expect(await count("pepper", "old")).toBe(0);
    await redeem(store, challenge.challengeId);
    expect(await count("pepper", "old pepper")).toBe(1);
    expect(await count("pepper", "old pepper", t0 + 5 * minute)).toBe(0);
    expect(await count("master", "old", session.idleExpiresAt)).toBe(0);
  });

  it("the sessions of a key are revoked, as many at once as asked for, and counted; others live on", async () => {
    const { store } = scene;
    const contact = email();
    const old = await signIn(store, contact, { newSession: newSession({ keyId: "old" }) });
    for (const _ of times(2, Number)) await signIn(store, contact, { newSession: newSession({ keyId: "old" }) });
    const kept = await signIn(store, contact, { newSession: newSession({ keyId: "new" }) });
    const revoke = () => store.keys.revokeSessions({ keyId: "old", now: t0, limit: 2 });
    expect([await revoke(), await revoke(), await revoke()]).toEqual([2, 1, 0]);
    expect(await rotate(store, old.session)).toEqual({ kind: "ended" });
    const listed = await store.sessions.list({ userId: kept.user.userId, appId, now: t0 });
    expect(listed.map(({ sessionId }) => sessionId)).toEqual([kept.session.sessionId]);
    expect(await store.keys.countUses({ use: "master", keyId: "old", now: t0 })).toBe(0);
  });
}
