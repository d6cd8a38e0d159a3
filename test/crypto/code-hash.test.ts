import { setMaxListeners } from "node:events";
import argon2 from "argon2";
import { describe, expect, it, vi } from "vitest";
import { bindingText, type CodeBinding, createCodeHasher, type HashProfile } from "../../src/crypto/code-hash.js";
import type { Keyring } from "../../src/crypto/keyring.js";
import type { CodeHash } from "../../src/model/challenge.js";
import { flipped, ringOf } from "./fixtures.js";

const binding: CodeBinding = {
  challengeId: "challenge-1",
  purpose: "login",
  contact: "email:a@example.com",
  clientId: "client",
};
const code = "042137";
const never = new AbortController();
setMaxListeners(0, never.signal);

function hasher(pepper: Keyring = ringOf("p1"), profile: HashProfile = "fast") {
  const codes = createCodeHasher({ pepper, profile, concurrency: 2 });
  return {
    hash: (text: string, to = binding) => codes.withSlot(never, (slot) => slot.hash(text, to)),
    matches: (text: string, stored: CodeHash, to = binding) =>
      codes.withPlace(never, (place) => place.matches(text, to, stored)),
  };
}

describe("a code at rest", () => {
  it("matches the code it was made of, and no other", async () => {
    const codes = hasher();
    const stored = await codes.hash(code);
    expect(await codes.matches(code, stored)).toBe(true);
    for (const other of ["042136", "42137", "0042137", "042137 ", "042137\0", "０４２１３７", ""]) {
      expect(await codes.matches(other, stored), other).toBe(false);
    }
  });

  it.each([
    ["challenge", { challengeId: "challenge-2" }],
    ["purpose", { purpose: "registration" }],
    ["contact", { contact: "email:b@example.com" }],
    ["kind of contact", { contact: "phone:a@example.com" }],
    ["client", { clientId: "another" }],
  ])("does not match under another %s", async (_, change) => {
    const codes = hasher();
    const stored = await codes.hash(code);
    expect(await codes.matches(code, stored, { ...binding, ...change })).toBe(false);
  });

  it("is of no use in another row, whole or in parts", async () => {
    const codes = hasher();
    const other = { ...binding, challengeId: "challenge-2" };
    const [mine, theirs] = [await codes.hash(code), await codes.hash(code, other)];
    expect(await codes.matches(code, theirs)).toBe(false);
    expect(await codes.matches(code, { ...mine, tag: theirs.tag })).toBe(false);
    expect(await codes.matches(code, { ...mine, salt: theirs.salt })).toBe(false);
    expect(await codes.matches(code, { ...mine, salt: theirs.salt, tag: theirs.tag })).toBe(false);
  });

  it("does not match when a bit of salt or tag is flipped, or the tag is cut", async () => {
    const codes = hasher();
    const stored = await codes.hash(code);
    for (const bit of [0, 7, 100, 127]) {
      expect(await codes.matches(code, { ...stored, salt: flipped(stored.salt, bit) })).toBe(false);
      expect(await codes.matches(code, { ...stored, tag: flipped(stored.tag, bit) })).toBe(false);
    }
    expect(await codes.matches(code, { ...stored, tag: stored.tag.subarray(0, 16) })).toBe(false);
    expect(await codes.matches(code, { ...stored, tag: Buffer.alloc(0) })).toBe(false);
  });

  it("matches with an older pepper that is still configured, and new ones are made with the current one", async () => {
    const stored = await hasher(ringOf("p1")).hash(code);
    const rotated = hasher(ringOf("p2", "p1"));
    expect(stored.pepperId).toBe("p1");
    expect(await rotated.matches(code, stored)).toBe(true);
    expect((await rotated.hash(code)).pepperId).toBe("p2");
  });

  it("matches nothing under another pepper, be its id known, unknown or exchanged, at the cost of a hash", async () => {
    const stored = await hasher(ringOf("p1")).hash(code);
    const other = hasher(ringOf("p2", "p3"));
    const hashing = vi.spyOn(argon2, "hash");
    expect(await other.matches(code, stored)).toBe(false);
    expect(await other.matches(code, { ...stored, pepperId: "p2" })).toBe(false);
    expect(hashing).toHaveBeenCalledTimes(2);
    hashing.mockRestore();
  });

  it("made in one profile matches in a process that is set to another, but not under the other's name", async () => {
    const stored = await hasher(ringOf("p1"), "owasp").hash(code);
    const fast = hasher(ringOf("p1"), "fast");
    expect(await fast.matches(code, stored)).toBe(true);
    expect(await fast.matches(code, { ...stored, profile: "fast" })).toBe(false);
  });

  it.each(["", "none", "constructor", "__proto__"])("of the unknown profile %j matches nothing", async (profile) => {
    const codes = hasher();
    expect(await codes.matches(code, { ...(await codes.hash(code)), profile })).toBe(false);
  });

  it.each([
    ["owasp", { memoryCost: 19_456, timeCost: 2, parallelism: 1 }],
    ["fast", { memoryCost: 1_024, timeCost: 1, parallelism: 1 }],
  ] as const)(
    "of profile %s is argon2id with its costs, a 16-byte salt, a 32-byte tag, pepper and binding",
    async (profile, costs) => {
      const pepper = ringOf("p1");
      const stored = await hasher(pepper, profile).hash(code);
      expect([stored.profile, stored.salt.length, stored.tag.length]).toEqual([profile, 16, 32]);
      const options = { type: argon2.argon2id, raw: true, hashLength: 32, salt: Buffer.from(stored.salt), ...costs } as const;
      const associatedData = Buffer.from(bindingText(binding));
      const secret = pepper.derive("p1", "code");
      expect(await argon2.hash(code, { ...options, secret, associatedData })).toEqual(stored.tag);
      expect(await argon2.hash(code, { ...options, associatedData })).not.toEqual(stored.tag);
      expect(await argon2.hash(code, { ...options, secret })).not.toEqual(stored.tag);
    },
  );

  it("has a salt of its own each time", async () => {
    const codes = hasher();
    const stored = await Promise.all(Array.from({ length: 30 }, () => codes.hash(code)));
    expect(new Set(stored.map(({ salt }) => Buffer.from(salt).toString("hex"))).size).toBe(30);
    expect(new Set(stored.map(({ tag }) => Buffer.from(tag).toString("hex"))).size).toBe(30);
  });

  it("does not hold the code, the pepper or the binding in clear", async () => {
    const pepper = ringOf("p1");
    const text = Buffer.from(JSON.stringify(await hasher(pepper).hash(code)));
    for (const secret of [code, binding.contact, pepper.derive("p1", "code")]) expect(text.includes(secret)).toBe(false);
  });
});
