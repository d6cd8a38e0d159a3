import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createKeyring, equalBytes, UnknownKeyError } from "../../src/crypto/keyring.js";
import { loadLookupKeys } from "../../src/crypto/lookup-keys.js";
import { resealKeys } from "../../src/crypto/own-keys.js";
import { randomDigits, randomId, randomJitter, randomUuid } from "../../src/crypto/random.js";
import { createRequestMac } from "../../src/crypto/request-mac.js";
import { createSealer } from "../../src/crypto/sealing.js";
import { challengeIdOf, uuidOf } from "../../src/doors/http/dialects/ids.js";
import { networkOf } from "../../src/lib/network.js";
import { keyOf, openMemory, ringOf, t0 } from "./fixtures.js";

describe("a keyring", () => {
  it("derives 32 bytes for each key and use, always the same and never twice", () => {
    const ring = ringOf("a", "b");
    const derived = ["code", "refresh-token", "idempotency", "check", "seal:code"].flatMap((use) =>
      ["a", "b"].map((keyId) => ring.derive(keyId, use)),
    );
    expect(derived.every((key) => key.length === 32)).toBe(true);
    expect(new Set(derived.map((key) => key.toString("hex"))).size).toBe(10);
    expect(ringOf("b", "a").derive("a", "code")).toEqual(ring.derive("a", "code"));
    expect(derived.some((key) => key.equals(keyOf("a")))).toBe(false);
  });

  it("knows its keys, the first one current, and derives nothing for others", () => {
    const ring = ringOf("a", "b");
    expect([ring.currentId, ring.ids(), ring.has("b"), ring.has("c")]).toEqual(["a", ["a", "b"], true, false]);
    expect(() => ring.derive("c", "code")).toThrow(UnknownKeyError);
    expect(() => createKeyring([])).toThrow();
  });

  it("gives a check value that differs between keys, is the same in each process and is not the key", () => {
    const other = createKeyring([{ id: "a", key: keyOf("another") }]);
    expect(ringOf("a").checkValue("a")).toEqual(ringOf("b", "a").checkValue("a"));
    expect(ringOf("a").checkValue("a")).not.toEqual(other.checkValue("a"));
    expect(ringOf("a").checkValue("a").includes(keyOf("a"))).toBe(false);
  });

  it("compares values of different lengths without an exception", () => {
    expect(equalBytes(Buffer.from("a"), Buffer.from("ab"))).toBe(false);
    expect(equalBytes(Buffer.from("ab"), Buffer.from("ab"))).toBe(true);
  });
});

describe("lookup keys", () => {
  it("stay the same through rotations of the master key, restarts and racing starts", async () => {
    const store = await openMemory();
    const load = (...ids: string[]) => loadLookupKeys({ store, sealer: createSealer(ringOf(...ids)), now: t0 });
    const starts = await Promise.all(Array.from({ length: 20 }, () => load("m1")));
    const address = { kind: "email", value: "a@example.com" } as const;
    const expected = starts[0]!.identifier("main", address);
    expect(starts.every((keys) => keys.identifier("main", address).equals(expected))).toBe(true);
    expect((await load("m2", "m1")).identifier("main", address)).toEqual(expected);
    await resealKeys(store, createSealer(ringOf("m2", "m1")), { from: "m1", to: "m2" });
    expect((await load("m2")).identifier("main", address)).toEqual(expected);
    expect((await store.keys.list()).filter(({ use }) => use === "lookup")).toHaveLength(1);
    await store.close();
  });

  it("are refused when their seal does not open, and not made anew", async () => {
    const store = await openMemory();
    await loadLookupKeys({ store, sealer: createSealer(ringOf("m1")), now: t0 });
    const before = await store.keys.list();
    await expect(loadLookupKeys({ store, sealer: createSealer(ringOf("m2")), now: t0 })).rejects.toThrow(
      "the lookup key in the database does not open with the configured master keys",
    );
    expect(await store.keys.list()).toEqual(before);
    await store.close();
  });

  it("of the pool main are those from before there were pools, so that an upgrade resets no limit", async () => {
    const store = await openMemory();
    const sealer = createSealer(ringOf("m1"));
    const keys = await loadLookupKeys({ store, sealer, now: t0 });
    const [stored] = (await store.keys.list()).filter(({ use }) => use === "lookup");
    const key = sealer.open("lookup-key", stored!.sealed, stored!.keyId)!;
    const expected = createHmac("sha256", key).update("identifier\0email\0x").digest().subarray(0, 16);
    expect(keys.identifier("main", { kind: "email", value: "x" })).toEqual(expected);
    await store.close();
  });

  it("differ between pools, kinds, values, clients and networks, and name nobody", async () => {
    const [store, other] = [await openMemory(), await openMemory()];
    const load = (from: typeof store) => loadLookupKeys({ store: from, sealer: createSealer(ringOf("m1")), now: t0 });
    const keys = await load(store);
    const made = [
      keys.identifier("main", { kind: "email", value: "x" }),
      keys.identifier("main", { kind: "phone", value: "x" }),
      keys.identifier("main", { kind: "username", value: "x" }),
      keys.identifier("main", { kind: "username", value: "y" }),
      keys.identifier("shops", { kind: "email", value: "x" }),
      keys.identifier("email", { kind: "email", value: "x" }),
      keys.requester({ poolId: "main", backendId: "client", address: "192.0.2.1" }),
      keys.requester({ poolId: "main", backendId: "client", address: "192.0.2.2" }),
      keys.requester({ poolId: "main", backendId: "another", address: "192.0.2.1" }),
      keys.requester({ poolId: "main", backendId: "client1", address: "92.0.2.1" }),
      keys.requester({ poolId: "main", backendId: "main", address: "192.0.2.1" }),
      keys.requester({ poolId: "main", backendId: null, address: "192.0.2.1" }),
      keys.requester({ poolId: "shops", backendId: null, address: "192.0.2.1" }),
      keys.requester({ poolId: "main", backendId: null, address: "192.0.2.2" }),
      (await load(other)).identifier("main", { kind: "email", value: "x" }),
      createHash("sha256").update("identifier\0email\0x").digest().subarray(0, 16),
    ];
    expect(new Set(made.map((key) => key.toString("hex"))).size).toBe(made.length);
    expect(made.every((key) => key.length === 16)).toBe(true);
    await store.close();
    await other.close();
  });

  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::6", "2001:db8:1:2::/64"],
    ["2001:0DB8:0001:0002::6", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:db8:0:0:1::", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["fe80::1:2:3:4", "fe80:0:0:0::/64"],
    ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ])("count %s as %s", (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe("the MAC of a request", () => {
  const lookupKey = keyOf("lookup");
  const mac = createRequestMac({ master: ringOf("m1"), lookupKey });
  const call = { clientId: "client", method: "SendOtp", key: "0123456789abcdef", request: Buffer.from("request") };

  it("is the same for the same call and another for any other", () => {
    const calls = [
      call,
      { ...call, clientId: "client2" },
      { ...call, method: "VerifyOtp" },
      { ...call, key: "0123456789abcdeg" },
      { ...call, request: Buffer.from("request ") },
      { ...call, key: `${call.key}r`, request: Buffer.from("equest") },
      { ...call, clientId: "clientS", method: "endOtp" },
    ];
    expect(mac({ ...call })).toEqual(mac(call));
    expect(new Set(calls.map((one) => mac(one).toString("hex"))).size).toBe(calls.length);
  });

  it("is keyed, and stays the same on either side of a key change: by the lookup key, or by the master key that the call names", () => {
    const rotated = createRequestMac({ master: ringOf("m2", "m1"), lookupKey });
    expect(rotated(call)).toEqual(mac(call));
    expect(createRequestMac({ master: ringOf("m1"), lookupKey: keyOf("another") })(call)).not.toEqual(mac(call));
    const named = rotated({ ...call, keyId: "m1" });
    expect(named).toEqual(mac({ ...call, keyId: "m1" }));
    expect([mac(call), rotated({ ...call, keyId: "m2" })]).not.toContainEqual(named);
    const plain = createHash("sha256").update(`client\0SendOtp\0${call.key}\0request`).digest();
    expect(mac(call)).not.toEqual(plain);
  });
});

describe("random values", () => {
  const count = 20_000;
  const codes = Array.from({ length: count }, () => randomDigits(6));

  it("codes are always of the asked length, digits only", () => {
    expect(codes.every((code) => /^[0-9]{6}$/.test(code))).toBe(true);
    for (const length of [4, 8, 10]) expect(randomDigits(length)).toMatch(new RegExp(`^[0-9]{${length}}$`));
  });

  it("digits are uniform at every position (χ², 9 degrees of freedom, p > 1e-6) and a tenth of the codes begins with 0", () => {
    for (let position = 0; position < 6; position += 1) {
      const counts = Array<number>(10).fill(0);
      for (const code of codes) counts[Number(code[position])]! += 1;
      const expected = count / 10;
      const chiSquare = counts.reduce((sum, seen) => sum + (seen - expected) ** 2 / expected, 0);
      expect(chiSquare, `position ${position}: ${counts.join(" ")}`).toBeLessThan(45.1);
    }
    const leadingZeros = codes.filter((code) => code.startsWith("0")).length;
    expect(Math.abs(leadingZeros - count / 10)).toBeLessThan(225);
  });

  it("one code says nothing about the next, and they repeat as often as chance has it", () => {
    const values = codes.map(Number);
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    let covariance = 0;
    let variance = 0;
    for (let index = 0; index < count; index += 1) {
      variance += (values[index]! - mean) ** 2;
      if (index > 0) covariance += (values[index]! - mean) * (values[index - 1]! - mean);
    }
    expect(Math.abs(covariance / variance)).toBeLessThan(0.04);
    // Expected: 20000² / 2 / 10⁶ = 200 pairs, with a standard deviation of 14.
    const repeats = count - new Set(codes).size;
    expect(repeats).toBeGreaterThan(110);
    expect(repeats).toBeLessThan(290);
  });

  it("ids are random UUIDs with one spelling of 22 characters, UUIDs are of version 4, none comes twice", () => {
    const ids = Array.from({ length: 2_000 }, randomId);
    expect(ids.every((id) => /^[A-Za-z0-9_-]{22}$/.test(id))).toBe(true);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      [randomUuid(), ...ids.map(uuidOf)].filter(
        (uuid) => !/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid),
      ),
    ).toEqual([]);
    expect(ids.map((id) => challengeIdOf(uuidOf(id)))).toEqual(ids);
  });

  it("jitter stays within 10 % and uses both sides", () => {
    const jitters = Array.from({ length: 1_000 }, randomJitter);
    expect(Math.min(...jitters)).toBeGreaterThanOrEqual(0.9);
    expect(Math.max(...jitters)).toBeLessThanOrEqual(1.1 + 1e-5);
    expect(jitters.filter((jitter) => jitter < 1).length).toBeGreaterThan(300);
    expect(jitters.filter((jitter) => jitter > 1).length).toBeGreaterThan(300);
  });
});
