import { expect, it, vi } from "vitest";
import { canBeOrdered, type Step } from "./linearize.js";

const onGivenUp = vi.fn();

/** Steps on one number, whose state is its name. */
const fits = (steps: readonly Step<number>[]) => canBeOrdered(steps, 0, { stateName: String, onGivenUp });
const until = (from: number, end: number, step: Pick<Step<number>, "apply" | "reads">) => ({
  from,
  until: end,
  optional: false,
  ...step,
});
const set = (value: number) => ({ apply: () => [value], reads: false });
const see = (value: number) => ({ apply: (state: number) => (state === value ? [state] : []), reads: true });

it("puts steps that overlap in whatever order fits", () => {
  expect(fits([until(1, 5, set(1)), until(2, 6, set(2)), until(3, 7, see(1)), until(8, 9, see(2))])).toBe(true);
  expect(fits([until(1, 5, set(1)), until(2, 6, set(2)), until(3, 7, see(2)), until(8, 9, see(1))])).toBe(true);
});

it("keeps the order of steps of which one had ended when the other began", () => {
  expect(fits([until(1, 2, set(1)), until(3, 4, set(2)), until(5, 6, see(1))])).toBe(false);
  expect(fits([until(1, 2, set(1)), until(3, 4, see(0))])).toBe(false);
});

it("finds that two readers saw two steps in different orders", () => {
  const writes = [until(1, 9, set(1)), until(1, 9, set(2))];
  const readers = [until(2, 3, see(1)), until(4, 5, see(2)), until(2, 3, see(1)), until(6, 7, see(1))];
  expect(fits([...writes, ...readers.slice(0, 3)])).toBe(true);
  expect(fits([...writes, ...readers])).toBe(false);
});

it("leaves out an optional step, or puts it late, but never before its beginning", () => {
  const perhaps = { ...until(3, Number.POSITIVE_INFINITY, set(1)), optional: true };
  expect(fits([perhaps, until(4, 5, see(0))])).toBe(true);
  expect(fits([perhaps, until(4, 5, see(0)), until(6, 7, see(1))])).toBe(true);
  expect(fits([perhaps, until(1, 2, see(1))])).toBe(false);
});

it("tries every state that a step may leave", () => {
  const either = { apply: () => [1, 2], reads: false };
  expect(fits([until(1, 2, either), until(3, 4, see(2))])).toBe(true);
  expect(fits([until(1, 2, either), until(3, 4, see(3))])).toBe(false);
});

it("gives up on steps that are too hard to order, says so once, and takes them for right", () => {
  const clicks = Array.from({ length: 18 }, (_, n) =>
    until(1, 100 + n, { apply: (state) => [state * 2 + (n % 2)], reads: false }),
  );
  expect(onGivenUp).not.toHaveBeenCalled();
  expect(fits([...clicks, until(200, 201, see(-1))])).toBe(true);
  expect(onGivenUp).toHaveBeenCalledTimes(1);
});
