import { describe, expect, it } from "vitest";
import { createSealer, type SealUse } from "../../src/crypto/sealing.js";
import { flipped, ringOf } from "./fixtures.js";

const sealer = createSealer(ringOf("m1"));
const secret = Buffer.from("042137");

describe("a sealed value", () => {
  it("opens where it was sealed, empty values too", () => {
    for (const value of [secret, Buffer.alloc(0), Buffer.alloc(8_192, 7)]) {
      expect(sealer.open("code", sealer.seal("code", value, "row 1"), "row 1")).toEqual(value);
    }
  });

  it("swapped with another row's opens in neither", () => {
    const [first, second] = [sealer.seal("code", secret, "row 1"), sealer.seal("code", secret, "row 2")];
    expect(sealer.open("code", first, "row 2")).toBeNull();
    expect(sealer.open("code", second, "row 1")).toBeNull();
    expect(sealer.open("code", first, "")).toBeNull();
  });

  it("does not open for another use", () => {
    const uses: SealUse[] = ["code", "profile", "signing-key", "lookup-key"];
    for (const use of uses) {
      const sealed = sealer.seal(use, secret, "row");
      const opening = uses.filter((other) => sealer.open(other, sealed, "row") !== null);
      expect(opening).toEqual([use]);
    }
  });

  it("does not open when any one bit of it is flipped, or when it is cut anywhere", () => {
    const sealed = sealer.seal("code", secret, "row");
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      expect(sealer.open("code", flipped(sealed, bit), "row"), `bit ${bit}`).toBeNull();
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(sealer.open("code", sealed.subarray(0, length), "row"), `length ${length}`).toBeNull();
      expect(sealer.open("code", sealed.subarray(sealed.length - length), "row"), `last ${length}`).toBeNull();
    }
  });

  it("does not open under a key that is not configured, nor under another key of the same id", () => {
    const sealed = createSealer(ringOf("m2")).seal("code", secret, "row");
    expect(sealer.open("code", sealed, "row")).toBeNull();
    const renamed = Buffer.from(sealed);
    renamed.write("m1", 1, "latin1");
    expect(sealer.open("code", renamed, "row")).toBeNull();
  });

  it("of an older key still opens, and new ones are sealed with the current key", () => {
    const rotated = createSealer(ringOf("m2", "m1"));
    const old = sealer.seal("code", secret, "row");
    expect(rotated.open("code", old, "row")).toEqual(secret);
    expect(rotated.keyIdOf(old)).toBe("m1");
    expect(rotated.keyIdOf(rotated.seal("code", secret, "row"))).toBe("m2");
  });

  it("is different each time and does not show what is in it", () => {
    const sealed = Array.from({ length: 100 }, () => sealer.seal("code", secret, "row"));
    expect(new Set(sealed.map((one) => one.toString("hex"))).size).toBe(100);
    expect(sealed.every((one) => !one.includes(secret))).toBe(true);
  });
});
