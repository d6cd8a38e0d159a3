import { beforeEach, describe, expect, it } from "vitest";
import { checkKeys, WrongKeyError } from "../../src/crypto/key-checks.js";
import { createKeyring } from "../../src/crypto/keyring.js";
import { loadLookupKeys } from "../../src/crypto/lookup-keys.js";
import { masterOfOwnKeys, resealKeys } from "../../src/crypto/own-keys.js";
import { createSealer } from "../../src/crypto/sealing.js";
import { loadSigningKeys, rotateSigningKey } from "../../src/crypto/signing-keys.js";
import type { KeyCheck } from "../../src/store/port/keys.js";
import type { Store } from "../../src/store/port/store.js";
import { keyOf, openMemory, ringOf, signingOptions, t0 } from "./fixtures.js";

const foreignIn = (checks: readonly KeyCheck[]) => checks.map(({ use, keyId }) => `${use} ${keyId}`);

describe("the check of the configured keys", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemory();
  });

  const rings = (master = ringOf("m1"), pepper = ringOf("p1")) => ({ master, pepper });

  async function expectRefused(given: ReturnType<typeof rings>, sentence: string): Promise<void> {
    const before = await store.keys.listChecks();
    const failure = await checkKeys(store, given).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(WrongKeyError);
    expect((failure as Error).message).toBe(sentence);
    expect(await store.keys.listChecks()).toEqual(before);
  }

  it("remembers the keys of a new database and lets the same ones in again", async () => {
    for (let start = 0; start < 3; start += 1) await checkKeys(store, rings());
    const known = (await store.keys.listChecks()).map(({ use, keyId }) => `${use} ${keyId}`);
    expect(known).toEqual(["master m1", "pepper p1"]);
  });

  it("stores nothing from which a key could be told", async () => {
    await checkKeys(store, rings());
    for (const { check } of await store.keys.listChecks()) {
      expect([keyOf("m1"), keyOf("p1")].some((key) => key.equals(check))).toBe(false);
    }
  });

  it.each([
    ["master", "LATCHKEY_MASTER_KEY", "m1"],
    ["pepper", "LATCHKEY_PEPPER", "p1"],
  ] as const)("refuses another %s key under the same id and changes nothing", async (use, variable, id) => {
    await checkKeys(store, rings());
    const wrong = createKeyring([{ id, key: keyOf("wrong") }]);
    await expectRefused(
      { ...rings(), [use]: wrong },
      `${variable} id ${id} is not the key that the database was made with: restore the right key; nothing was changed`,
    );
    await checkKeys(store, rings());
  });

  it.each([
    ["master", "LATCHKEY_MASTER_KEY", "m1"],
    ["pepper", "LATCHKEY_PEPPER", "p1"],
  ] as const)("refuses a lost %s key, says how to go on and does not remember the new one", async (use, variable, id) => {
    await checkKeys(store, rings());
    await expectRefused(
      { ...rings(), [use]: ringOf("new") },
      `the database was made with ${variable} id ${id}, which is not configured: ` +
        `add it as ${id}:<base64>, or retire it with "latchkey keys retire ${id} --use ${use}"`,
    );
  });

  it("names all lost keys of a kind at once", async () => {
    await checkKeys(store, rings(ringOf("m1"), ringOf("p2", "p1")));
    await expectRefused(
      rings(ringOf("m1"), ringOf("new")),
      "the database was made with LATCHKEY_PEPPER id p1 and id p2, which are not configured: " +
        'add each as p1:<base64>, or retire each with "latchkey keys retire p1 --use pepper"',
    );
  });

  it("lets a key change in step by step: an id that only other processes mention keeps no process from starting", async () => {
    await checkKeys(store, rings());
    expect(await checkKeys(store, rings(ringOf("m1", "m2"), ringOf("p1", "p2")))).toEqual([]);
    expect(foreignIn(await checkKeys(store, rings()))).toEqual(["master m2", "pepper p2"]);
    expect(await checkKeys(store, rings(ringOf("m2", "m1"), ringOf("p2", "p1")))).toEqual([]);
    expect(foreignIn(await checkKeys(store, rings()))).toEqual(["master m2", "pepper p2"]);
  });

  it("refuses a wrong key under an id that another process has added", async () => {
    await checkKeys(store, rings(ringOf("m1", "m2")));
    const wrong = createKeyring([
      { id: "m1", key: keyOf("m1") },
      { id: "m2", key: keyOf("wrong") },
    ]);
    await expectRefused(
      rings(wrong),
      "LATCHKEY_MASTER_KEY id m2 is not the key that the database was made with: restore the right key; nothing was changed",
    );
  });

  it("needs a master key for as long as the deployment's own keys are sealed under it: until it is retired", async () => {
    await checkKeys(store, rings());
    await loadSigningKeys(signingOptions(store), t0);
    await checkKeys(store, rings(ringOf("m2", "m1")));
    await expectRefused(
      rings(ringOf("m2")),
      "the database was made with LATCHKEY_MASTER_KEY id m1, which is not configured: " +
        'add it as m1:<base64>, or retire it with "latchkey keys retire m1 --use master"',
    );
    await resealKeys(store, createSealer(ringOf("m2", "m1")), { from: "m1", to: "m2" });
    await store.keys.deleteCheck({ use: "master", keyId: "m1" });
    expect(await checkKeys(store, rings(ringOf("m2")))).toEqual([]);
    await expectRefused(
      rings(),
      "the database was made with LATCHKEY_MASTER_KEY id m2, which is not configured: " +
        'add it as m2:<base64>, or retire it with "latchkey keys retire m2 --use master"',
    );
  });

  it("does not take a master key for a pepper of the same id", async () => {
    await checkKeys(store, rings(ringOf("k"), ringOf("k2")));
    const swapped = rings(ringOf("k2"), ringOf("k"));
    await expect(checkKeys(store, swapped)).rejects.toBeInstanceOf(WrongKeyError);
  });

  it("a start with a new master key leaves the deployment's own keys under the old one, and new ones join them there", async () => {
    const [old, both] = [createSealer(ringOf("m1")), createSealer(ringOf("m2", "m1"))];
    const signing = await loadSigningKeys(signingOptions(store), t0);
    const lookup = await loadLookupKeys({ store, sealer: both, now: t0 });
    await rotateSigningKey(signingOptions(store, { sealer: both }), { now: t0, compromised: false });
    const own = await store.keys.list();
    expect(own.map((key) => both.keyIdOf(key.sealed))).toEqual(["m1", "m1", "m1"]);
    expect(masterOfOwnKeys(own, both)).toBe("m1");
    await signing.reload();
    expect(JSON.parse(signing.jwks()).keys, "as read by a process that lacks the new one").toHaveLength(2);
    expect((await loadLookupKeys({ store, sealer: old, now: t0 })).requestKey).toEqual(lookup.requestKey);
  });

  it("seals the deployment's own keys again under another master key, so that the old one can go, and leaves those under a third", async () => {
    const lookup = await loadLookupKeys({ store, sealer: createSealer(ringOf("m1")), now: t0 });
    const signing = await loadSigningKeys(signingOptions(store), t0);
    const sealer = createSealer(ringOf("m2", "m1"));
    await resealKeys(store, sealer, { from: "m3", to: "m2" });
    expect((await store.keys.list()).map((key) => sealer.keyIdOf(key.sealed))).toEqual(["m1", "m1"]);
    await resealKeys(store, sealer, { from: "m1", to: "m2" });
    const sealed = await store.keys.list();
    expect(sealed.map((key) => sealer.keyIdOf(key.sealed))).toEqual(["m2", "m2"]);
    await resealKeys(store, sealer, { from: "m1", to: "m2" });
    expect(await store.keys.list(), "nothing to do the second time").toEqual(sealed);
    const alone = createSealer(ringOf("m2"));
    const contact = { kind: "email", value: "a@example.com" } as const;
    const again = await loadLookupKeys({ store, sealer: alone, now: t0 });
    expect(again.identifier("main", contact)).toEqual(lookup.identifier("main", contact));
    const reloaded = await loadSigningKeys(signingOptions(store, { sealer: alone }), t0);
    expect(reloaded.jwks()).toBe(signing.jwks());
  });

  it("refuses to seal again what does not open, and leaves it", async () => {
    await loadSigningKeys(signingOptions(store), t0);
    const before = await store.keys.list();
    await expect(resealKeys(store, createSealer(ringOf("m2")), { from: "m1", to: "m2" })).rejects.toBeInstanceOf(WrongKeyError);
    expect(await store.keys.list()).toEqual(before);
  });
});
