import { describe, expect, test } from "vitest";
import { createParts } from "../../../src/delivery/providers/parts.js";
import { createPace } from "../../../src/delivery/providers/smpp/pace.js";
import { segmentsOf } from "../../../src/delivery/providers/smpp/segments.js";
import { createWindow } from "../../../src/delivery/providers/smpp/window.js";

const delivered = (messageId: string) => ({ messageId, status: "delivered", cause: "" }) as const;

describe("the parts of long messages", () => {
  test("stay bounded: beyond the limit the oldest messages are forgotten, and their receipts pass as they are", () => {
    const parts = createParts(6);
    for (const name of ["a", "b", "c", "d"]) parts.add([`${name}1`, `${name}2`]);
    expect(parts.receiptOf(delivered("a2"))).toEqual(delivered("a2"));
    for (const name of ["b", "c", "d"]) {
      expect(parts.receiptOf(delivered(`${name}2`))).toBeNull();
      expect(parts.receiptOf(delivered(`${name}1`))).toEqual(delivered(`${name}1`));
    }
  });
});

describe("a text beyond 255 parts", () => {
  test("is refused", () => {
    expect(segmentsOf("x".repeat(255 * 153), 7).parts).toHaveLength(255);
    expect(() => segmentsOf("x".repeat(255 * 153 + 1), 7)).toThrow(RangeError);
  });
});

describe("the pace", () => {
  test("lets at most the given number a second out, evenly, and saves nothing up", () => {
    let now = 0;
    const pace = createPace(4, () => now);
    expect([1, 2, 3].map(() => pace.reserve(10_000))).toEqual([0, 250, 500]);
    now = 10_000;
    expect([1, 2].map(() => pace.reserve(10_000))).toEqual([0, 250]);
  });

  test("refuses what would wait too long, without reserving for it", () => {
    const pace = createPace(1, () => 0);
    expect([1, 2, 3, 4].map(() => pace.reserve(1_500))).toEqual([0, 1_000, null, null]);
    expect(pace.reserve(2_000)).toBe(2_000);
  });
});

describe("the window", () => {
  test("is entered in the order of asking, and refuses all when it is closed", async () => {
    const window = createWindow(1);
    const order: string[] = [];
    expect(await window.enter(0)).toBe(true);
    const [first, second] = ["first", "second"].map((name) =>
      window.enter(60_000).then((entered) => order.push(`${name} ${entered}`)),
    );
    window.leave();
    await first;
    window.close();
    await second;
    expect(order).toEqual(["first true", "second false"]);
    expect(await window.enter(60_000)).toBe(false);
  });
});
