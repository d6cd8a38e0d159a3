import { createHmac, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createRefreshTokens } from "../../src/crypto/refresh-token.js";
import { flippedAt, ringOf } from "./fixtures.js";

const master = ringOf("m1");
const tokens = createRefreshTokens(master);
const family = randomBytes(16);
const claims = { keyId: "m1", family, generation: 41 };
const token = tokens.mint(claims);

/** A token of the given parts with the right MAC over them, as only a fault of ours could make it. */
function signed(parts: { version?: string; keyId?: string; family?: string; generation?: string }): string {
  const { version = "lk1", keyId = "m1", generation = "1" } = parts;
  const body = `${version}.${keyId}.${parts.family ?? family.toString("base64url")}.${generation}`;
  const mac = createHmac("sha256", master.derive("m1", "refresh-token")).update(body).digest("base64url");
  return `${body}.${mac}`;
}

describe("a refresh token", () => {
  it("says what it was made of, the first and a very late generation too", () => {
    for (const generation of [0, 1, 41, 9_999_999_999]) {
      expect(tokens.parse(tokens.mint({ ...claims, generation }))).toEqual({ ...claims, generation });
    }
  });

  it("is the same each time it is made, and another for each generation and family", () => {
    expect(tokens.mint(claims)).toBe(token);
    const others = [tokens.mint({ ...claims, generation: 42 }), tokens.mint({ ...claims, family: randomBytes(16) })];
    expect(new Set([token, ...others]).size).toBe(3);
  });

  it("is refused when any one bit at any position is flipped", () => {
    for (let position = 0; position < token.length; position += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        expect(tokens.parse(flippedAt(token, position, bit)), `position ${position}, bit ${bit}`).toBeNull();
      }
    }
  });

  it("is refused with any part missing, added or cut", () => {
    const parts = token.split(".");
    for (let index = 0; index < parts.length; index += 1) {
      expect(tokens.parse(parts.toSpliced(index, 1).join("."))).toBeNull();
      expect(tokens.parse(parts.with(index, "").join("."))).toBeNull();
    }
    for (const spelling of [
      `${token}=`,
      `${token}\n`,
      ` ${token}`,
      `${token}.`,
      `${token}A`,
      token.slice(0, -1),
      `${token}\0`,
    ]) {
      expect(tokens.parse(spelling), JSON.stringify(spelling)).toBeNull();
    }
  });

  it("has one spelling only: spare bits and another alphabet of base64 are refused", () => {
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const cut of [token.length, token.lastIndexOf(".", token.lastIndexOf(".") - 1)]) {
      const last = token[cut - 1]!;
      for (const other of alphabet) {
        if (other === last) continue;
        expect(tokens.parse(token.slice(0, cut - 1) + other + token.slice(cut)), other).toBeNull();
      }
    }
    expect(tokens.parse(signed({ family: `${"A".repeat(21)}B` }))).toBeNull();
    expect(tokens.parse(token.replaceAll("-", "+").replaceAll("_", "/").replace(/$/, "="))).toBeNull();
  });

  it.each(["01", "-1", "1e3", "+1", " 1", "1 ", "1.0", "0x1", "", "NaN", "99999999999", "9".repeat(400), "١"])(
    "with generation %j is refused, be its MAC right",
    (generation) => {
      expect(tokens.parse(signed({ generation }))).toBeNull();
    },
  );

  it("of another version is refused, be its MAC right", () => {
    expect(tokens.parse(signed({}))).not.toBeNull();
    for (const version of ["lk2", "LK1", "", "lk1x"]) expect(tokens.parse(signed({ version }))).toBeNull();
  });

  it("of a key that is not configured, or of another key under a known id, is refused", () => {
    const foreign = createRefreshTokens(ringOf("m2")).mint({ ...claims, keyId: "m2" });
    expect(tokens.parse(foreign)).toBeNull();
    expect(tokens.parse(foreign.replace(".m2.", ".m1."))).toBeNull();
    for (const keyId of ["__proto__", "constructor", "m1/x"]) expect(tokens.parse(signed({ keyId }))).toBeNull();
  });

  it("keeps its key through a rotation of the master key", () => {
    const rotated = createRefreshTokens(ringOf("m2", "m1"));
    expect(rotated.currentKeyId).toBe("m2");
    expect(rotated.parse(token)).toEqual(claims);
    expect(rotated.mint(claims)).toBe(token);
  });

  it("can't be made from what a database holds: a MAC under any other derived key is refused", () => {
    const body = token.slice(0, token.lastIndexOf("."));
    for (const use of ["idempotency", "seal:code", "check", "code"]) {
      const mac = createHmac("sha256", master.derive("m1", use)).update(body).digest("base64url");
      expect(tokens.parse(`${body}.${mac}`)).toBeNull();
    }
  });

  it("garbage of any kind and size is refused quickly and without an exception", () => {
    const beganAt = performance.now();
    const garbage = ["", ".", "....", "lk1....", "x".repeat(1_000_000), ".".repeat(1_000_000), `lk1.${"A".repeat(1_000_000)}`];
    for (let round = 0; round < 500; round += 1) garbage.push(randomBytes(80).toString("latin1"));
    for (const text of garbage) expect(tokens.parse(text)).toBeNull();
    expect(performance.now() - beganAt).toBeLessThan(1_000);
  });
});
