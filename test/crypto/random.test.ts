import { expect, it } from "vitest";
import { randomBytes } from "../../src/crypto/random.js";

it("bytes from the stock never come again, whatever lengths are asked for", () => {
  const seen = new Set<string>();
  let pieces = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const bytes = randomBytes(12 + (round % 40));
    expect(bytes).toHaveLength(12 + (round % 40));
    seen.add(bytes.subarray(0, 12).toString("hex"));
    pieces += 1;
  }
  expect(seen.size).toBe(pieces);
});

it("every byte value comes about equally often, also where the stock is renewed", () => {
  const counts = new Array<number>(256).fill(0);
  const total = 256 * 4_000;
  for (let drawn = 0; drawn < total; drawn += 16) for (const byte of randomBytes(16)) counts[byte]! += 1;
  const chiSquare = counts.reduce((sum, count) => sum + (count - total / 256) ** 2 / (total / 256), 0);
  // 255 degrees of freedom: beyond 400 once in 10^8 runs.
  expect(chiSquare).toBeLessThan(400);
});

it("what was given out stays as it is when more is asked for, and more than the stock holds can be", () => {
  const first = randomBytes(16);
  const copy = Buffer.from(first);
  for (let round = 0; round < 1_000; round += 1) randomBytes(16);
  expect(first.equals(copy)).toBe(true);
  expect(new Set(randomBytes(10_000)).size).toBe(256);
});

it("a length that is none is refused, and what comes next is random all the same", () => {
  expect(() => randomBytes(-16)).toThrow(RangeError);
  expect(() => randomBytes(Number.NaN)).toThrow(RangeError);
  expect(randomBytes(16).equals(Buffer.alloc(16))).toBe(false);
});
