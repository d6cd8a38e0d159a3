import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createHookSecrets, type HookSecrets } from "../../src/crypto/hook-secrets.js";
import { loadLookupKeys } from "../../src/crypto/lookup-keys.js";
import { resealKeys } from "../../src/crypto/own-keys.js";
import { createSealer, type Sealer } from "../../src/crypto/sealing.js";
import { loadSigningKeys, rotateSigningKey } from "../../src/crypto/signing-keys.js";
import type { Store } from "../../src/store/port/store.js";
import { day, openMemory, ringOf, signingOptions, t0 } from "./fixtures.js";

describe("the secret of a hook", () => {
  let store: Store;
  beforeEach(async () => {
    store = await openMemory();
  });
  afterEach(() => store.close());

  const sealer = createSealer(ringOf("m1"));
  /** What a process with this keyring has. */
  const secretsOf = (own: Sealer = sealer) => createHookSecrets({ store, sealer: own });
  /** Makes a secret and stores its key. */
  async function stored(secrets: HookSecrets, now = t0) {
    const { key, secret } = await secrets.make(now);
    await store.keys.add({ key });
    return { keyId: key.keyId, secret };
  }

  it("is 256 random bits after whsec_, and every one differs", async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => stored(secretsOf())));
    for (const { secret } of made) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), "base64")).toHaveLength(32);
    }
    expect(new Set(made.map(({ secret }) => secret)).size).toBe(10);
    expect(new Set(made.map(({ keyId }) => keyId)).size).toBe(10);
  });

  it("is found by a process that another one made it after the start of", async () => {
    const [one, other] = [secretsOf(), secretsOf()];
    expect(await other.find("unknown")).toBe(null);
    const { keyId, secret } = await stored(one);
    expect(await other.find(keyId)).toBe(secret);
    expect(await one.find(keyId)).toBe(secret);
  });

  it("is not found after it was deleted, nor without its master key, nor in another row", async () => {
    const { keyId, secret } = await stored(secretsOf());
    expect(await secretsOf(createSealer(ringOf("m2"))).find(keyId)).toBe(null);
    const row = (await store.keys.list()).find((key) => key.keyId === keyId)!;
    await store.keys.add({ key: { ...row, keyId: "another" } });
    expect(await secretsOf().find("another")).toBe(null);
    expect(await secretsOf().find(keyId)).toBe(secret);
    await store.keys.delete(keyId);
    expect(await secretsOf().find(keyId)).toBe(null);
  });

  it("is no signing or lookup key: those load, rotate and are published as without it", async () => {
    await stored(secretsOf(), t0 - day);
    const lookup = await loadLookupKeys({ store, sealer, now: t0 });
    const signing = await loadSigningKeys(signingOptions(store), t0);
    await stored(secretsOf(), t0 + 1);
    await rotateSigningKey(signingOptions(store), { now: t0 + 2, compromised: true });
    await signing.maintain(t0 + 3);
    expect(JSON.parse(signing.jwks()).keys).toHaveLength(1);
    expect((await loadLookupKeys({ store, sealer, now: t0 })).requestKey).toEqual(lookup.requestKey);
    expect((await store.keys.list()).map(({ use }) => use).toSorted()).toEqual(["hook", "hook", "lookup", "signing"]);
    expect(await secretsOf().find((await loadSigningKeys(signingOptions(store), t0)).current(t0).keyId)).toBe(null);
  });

  it("is sealed again when its master key is retired, and stays the same", async () => {
    const { keyId, secret } = await stored(secretsOf());
    const both = createSealer(ringOf("m2", "m1"));
    const later = await stored(secretsOf(both), t0 + 1);
    expect((await store.keys.list()).map((key) => both.keyIdOf(key.sealed))).toEqual(["m1", "m1"]);
    await resealKeys(store, both, { from: "m1", to: "m2" });
    const alone = secretsOf(createSealer(ringOf("m2")));
    expect(await alone.find(keyId)).toBe(secret);
    expect(await alone.find(later.keyId)).toBe(later.secret);
    expect(await secretsOf().find(keyId)).toBe(null);
  });
});
