import { join } from "node:path";
import type { JWK } from "jose";
import { describe, expect, it } from "vitest";
import { createAccessTokens } from "../../src/crypto/access-token.js";
import { createSealer } from "../../src/crypto/sealing.js";
import { loadSigningKeys, rotateSigningKey, type SigningAlg, type SigningKeys } from "../../src/crypto/signing-keys.js";
import { type DatabaseLocation, openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";
import { tempDir } from "../store/temp-dir.js";
import { testDatabases } from "../support/postgres.js";
import { day, hour, minute, openMemory, ringOf, signingKeys, signingOptions, t0 } from "./fixtures.js";

const directory = tempDir();
const databases = testDatabases();
let files = 0;
const engines: readonly { readonly engine: string; readonly locate: () => Promise<DatabaseLocation> }[] = [
  { engine: "SQLite", locate: async () => ({ kind: "sqlite", path: join(directory, `${files++}.db`) }) },
  { engine: "PostgreSQL", locate: () => databases.create() },
];

/** Opens one database eight times. */
async function withStores(
  locate: () => Promise<DatabaseLocation>,
  use: (stores: readonly Store[]) => Promise<void>,
): Promise<void> {
  const location = await locate();
  const stores = await Promise.all(Array.from({ length: 8 }, () => openStore(location, { inFlight: () => 0 })));
  try {
    await use(stores);
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

function published(keys: SigningKeys): JWK[] {
  return (JSON.parse(keys.jwks()) as { keys: JWK[] }).keys;
}

describe("signing keys", () => {
  it("the first one signs at once", async () => {
    const { keys } = await signingKeys();
    expect(published(keys).map(({ kid }) => kid)).toEqual([keys.current(t0).keyId]);
  });

  it.each(["ES256", "EdDSA", "RS256"] as const)(
    "of %s sign tokens that verify, and their private parts are not published",
    async (alg) => {
      const { keys } = await signingKeys({ alg });
      const options = { keys, issuer: "i", audience: "a" };
      const tokens = createAccessTokens(options);
      const session = { userId: "u", sessionId: "s", clientId: "c", amr: ["sms"], createdAt: t0, expiresAt: t0 + 60_000 };
      const token = await tokens.signAccess(session as never, { audience: "a", ttlMs: minute, now: t0 });
      expect(await tokens.verifyAccess(token, t0)).toMatchObject({ userId: "u" });
      expect(published(keys)).toHaveLength(1);
      for (const jwk of published(keys)) {
        expect(jwk).toMatchObject({ kid: keys.current(t0).keyId, alg, use: "sig" });
        for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k"]) expect(jwk).not.toHaveProperty(secret);
      }
    },
  );

  it("are not made again at the next start, whatever the number of starts", async () => {
    const { keys, options } = await signingKeys();
    const again = await loadSigningKeys(options, t0 + day);
    expect(again.current(t0 + day).keyId).toBe(keys.current(t0).keyId);
    expect(published(again)).toHaveLength(1);
  });

  it("are published a lead before they sign, and the one before signs until then", async () => {
    const { keys, options } = await signingKeys();
    const first = keys.current(t0).keyId;
    const second = await rotateSigningKey(options, { now: t0, compromised: false });
    await keys.reload();
    expect(
      published(keys)
        .map(({ kid }) => kid)
        .sort(),
    ).toEqual([first, second].sort());
    expect(keys.current(t0 + day - 1).keyId).toBe(first);
    expect(keys.current(t0 + day).keyId).toBe(second);
    expect(keys.find(first)).toBeDefined();
    expect(keys.find(second)).toBeDefined();
  });

  it("that wait for their lead do not sign, be they the oldest that are left", async () => {
    const { keys, options, store } = await signingKeys();
    const waiting = await rotateSigningKey(options, { now: t0 + 1, compromised: false });
    const hasty = await rotateSigningKey({ ...options, leadMs: 0 }, { now: t0 + 2, compromised: false });
    await store.keys.delete(keys.current(t0).keyId);
    await keys.reload();
    expect(keys.current(t0 + 3).keyId).toBe(hasty);
    expect(keys.current(t0 + 1 + day).keyId).toBe(waiting);
  });

  it("stay published until the last token they signed is dead, then are deleted", async () => {
    const { keys, options } = await signingKeys();
    const first = keys.current(t0).keyId;
    await rotateSigningKey(options, { now: t0, compromised: false });
    await keys.reload();
    const lastTokenDies = t0 + day + options.tokenLifeMs;
    await keys.maintain(lastTokenDies);
    expect(keys.find(first)).toBeDefined();
    await keys.maintain(lastTokenDies + 1);
    expect(keys.find(first)).toBeUndefined();
    expect(published(keys)).toHaveLength(1);
  });

  it("that are compromised are dropped at once, those waiting for their lead too, and the new one signs at once", async () => {
    const { keys, options } = await signingKeys();
    const old = [keys.current(t0).keyId, await rotateSigningKey(options, { now: t0, compromised: false })];
    const fresh = await rotateSigningKey(options, { now: t0 + 1, compromised: true });
    await keys.reload();
    expect(published(keys).map(({ kid }) => kid)).toEqual([fresh]);
    expect(keys.current(t0 + 1).keyId).toBe(fresh);
    for (const keyId of old) expect(keys.find(keyId)).toBeUndefined();
  });

  it("rotated by another process are picked up by a reload", async () => {
    const { keys, options } = await signingKeys();
    const other = await loadSigningKeys(options, t0);
    const second = await rotateSigningKey(options, { now: t0, compromised: false });
    expect(other.find(second)).toBeUndefined();
    await other.reload();
    expect(other.current(t0 + day).keyId).toBe(second);
    expect(keys.find(second)).toBeUndefined();
  });

  it("are rotated by themselves after 90 days, with a lead, and once", async () => {
    const { keys } = await signingKeys();
    const first = keys.current(t0).keyId;
    await keys.maintain(t0 + 90 * day - 1);
    expect(published(keys)).toHaveLength(1);
    for (let index = 0; index < 3; index += 1) await keys.maintain(t0 + 90 * day + index);
    expect(published(keys)).toHaveLength(2);
    expect(keys.current(t0 + 91 * day - 1).keyId).toBe(first);
    expect(keys.current(t0 + 91 * day).keyId).not.toBe(first);
  });

  it("keep their algorithm when the setting changes: the next key has the new one, with a lead", async () => {
    const { keys, store } = await signingKeys();
    const first = keys.current(t0).keyId;
    const options = signingOptions(store, { alg: "EdDSA" satisfies SigningAlg });
    const changed = await loadSigningKeys(options, t0 + 1);
    expect([published(changed).map(({ alg }) => alg), changed.newestAlg()]).toEqual([["ES256"], "ES256"]);
    await rotateSigningKey(options, { now: t0 + 1, compromised: false });
    await changed.reload();
    expect([published(changed).map(({ alg }) => alg), changed.newestAlg()]).toEqual([["ES256", "EdDSA"], "EdDSA"]);
    expect(changed.current(t0 + 1).keyId).toBe(first);
    expect(changed.current(t0 + 1 + day).alg).toBe("EdDSA");
    expect(changed.find(first)).toBeDefined();
  });

  it("sign at once after a rotation if the lead is 0, as development may have it", async () => {
    const { keys, options } = await signingKeys({ leadMs: 0 });
    const second = await rotateSigningKey(options, { now: t0 + 1, compromised: false });
    await keys.reload();
    expect(keys.current(t0 + 1).keyId).toBe(second);
    expect(published(keys)).toHaveLength(2);
  });

  it("are sealed in the database, and refused when the seal does not open", async () => {
    const { store } = await signingKeys();
    const [stored] = await store.keys.list();
    expect(Buffer.from(stored!.sealed).toString("latin1")).not.toContain('"d"');
    const sealer = createSealer(ringOf("m2"));
    await expect(loadSigningKeys(signingOptions(store, { sealer }), t0)).rejects.toThrow(
      `the signing key ${stored!.keyId} does not open with the configured master keys`,
    );
    expect(await store.keys.list()).toEqual([stored]);
  });

  it("whose halves were exchanged in the database are refused", async () => {
    const { store } = await signingKeys();
    const other = await signingKeys();
    const [[mine], [theirs]] = [await store.keys.list(), await other.store.keys.list()];
    for (const change of [{ publicJwk: theirs!.publicJwk }, { sealed: theirs!.sealed }]) {
      const tampered = await openMemory();
      await tampered.keys.add({ key: { ...mine!, ...change } });
      await expect(loadSigningKeys(signingOptions(tampered), t0)).rejects.toThrow(mine!.keyId);
    }
  });
});

describe.each(engines)("signing keys that several processes look after on $engine", ({ locate }) => {
  it("of processes that start at once one makes the first, and all have it", async () => {
    await withStores(locate, async (stores) => {
      const loaded = await Promise.all(stores.map((store) => loadSigningKeys(signingOptions(store), t0)));
      expect(new Set(loaded.map((keys) => keys.jwks())).size).toBe(1);
      expect(published(loaded[0]!)).toHaveLength(1);
    });
  });

  it("past the 90 days of the newest, whether they run or start, one makes the next", async () => {
    await withStores(locate, async (stores) => {
      const running = await Promise.all(stores.slice(0, 4).map((store) => loadSigningKeys(signingOptions(store), t0)));
      const due = t0 + 90 * day;
      await Promise.all([
        ...running.map((keys, index) => keys.maintain(due + index)),
        ...stores.slice(4).map((store, index) => loadSigningKeys(signingOptions(store), due + index)),
      ]);
      await Promise.all(running.map((keys) => keys.reload()));
      for (const keys of running) expect(published(keys)).toHaveLength(2);
      expect(running[0]!.current(due).keyId).not.toBe(running[0]!.current(due + 2 * day).keyId);
    });
  });

  it("with different algorithms make one key in 90 days, not one an hour and start", async () => {
    await withStores(locate, async (stores) => {
      const algs: SigningAlg[] = ["ES256", "EdDSA"];
      const optionsOf = (index: number) => signingOptions(stores[index]!, { alg: algs[index % 2]! });
      const running = await Promise.all(stores.slice(0, 4).map((_, index) => loadSigningKeys(optionsOf(index), t0)));
      for (let hours = 1; hours <= 3; hours += 1) {
        await Promise.all(running.map((keys) => keys.maintain(t0 + hours * hour)));
        await Promise.all(stores.slice(4).map((_, index) => loadSigningKeys(optionsOf(index), t0 + hours * hour)));
      }
      await running[0]!.reload();
      expect(published(running[0]!)).toHaveLength(1);
      for (let hours = 0; hours < 3; hours += 1) {
        await Promise.all(running.map((keys) => keys.maintain(t0 + 90 * day + hours * hour)));
      }
      expect(published(running[0]!)).toHaveLength(2);
    });
  });
});
