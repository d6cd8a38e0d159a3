import { describe, expect, it } from "vitest";
import { compare } from "./statistics.js";

describe("the comparison of two samples of times", () => {
  it("is that of the textbook: U, AUC, shift and p of a small sample", () => {
    const [first, second] = [
      [1.1, 2.2, 3.3, 4.4],
      [2.5, 3.6, 4.7, 5.8, 6.9],
    ];
    const { p, auc, shift } = compare(first, second);
    // Of 20 pairs 17 have the longer time in the second sample; z = (17 - 10) / sqrt(20 / 12 * 10) = 1.7146.
    expect(auc).toBeCloseTo(0.85, 12);
    expect(p).toBeCloseTo(0.08641, 4);
    expect(shift).toBeCloseTo(1.95, 12);
  });

  it("counts equal times as half", () => {
    expect(compare([1, 2, 3], [1, 2, 3])).toEqual({ p: expect.closeTo(1, 6), auc: 0.5, shift: 0 });
  });

  it("tells a shift of a tenth of the spread in 2,000 samples from none", () => {
    // Evenly spread times, no chance in it.
    const even = (shift: number) => Array.from({ length: 2000 }, (_, n) => ((n * 0.618034) % 1) + shift);
    expect(compare(even(0), even(0)).p).toBeGreaterThan(0.99);
    const { p, auc, shift } = compare(even(0), even(0.1));
    expect(p).toBeLessThan(1e-6);
    expect(auc).toBeGreaterThan(0.55);
    expect(shift).toBeCloseTo(0.1, 2);
  });
});
