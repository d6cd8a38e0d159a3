import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createLine, createLines } from "../../../src/store/postgres/semaphore.js";
import { times } from "../contract/fixtures.js";

const rules = { places: 2, waitingMax: 3, waitMs: 1_000, busy: () => new Error("busy") };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Works that begin when a line lets them and end when they are told. */
function createWorks(run: (work: () => Promise<number>) => Promise<number>) {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const outcomes = new Map<number, unknown>();
  function add(index: number): void {
    const work = () =>
      new Promise<number>((resolve) => {
        begun.push(index);
        ends[index] = () => resolve(index);
      });
    run(work).then(
      (result) => outcomes.set(index, result),
      (error: Error) => outcomes.set(index, error.message),
    );
  }
  return { add, begun, outcomes, end: (index: number) => ends[index]!() };
}

describe("a line", () => {
  it("lets so many work at once, the others in their order, and none past those who wait", async () => {
    const line = createLine(rules);
    const { add, begun, end } = createWorks(line.run);
    times(4, add);
    expect(begun).toEqual([0, 1]);
    end(1);
    await vi.advanceTimersByTimeAsync(0);
    add(4);
    expect(begun).toEqual([0, 1, 2]);
    for (const index of [0, 2]) end(index);
    await vi.advanceTimersByTimeAsync(0);
    expect(begun).toEqual([0, 1, 2, 3, 4]);
    for (const index of [3, 4]) end(index);
    await vi.advanceTimersByTimeAsync(0);
    expect(line.isEmpty()).toBe(true);
  });

  it("refuses at once who finds it full, and after the time allowed who waited in vain; their places go to others", async () => {
    const line = createLine(rules);
    const { add, begun, outcomes, end } = createWorks(line.run);
    times(6, add);
    await vi.advanceTimersByTimeAsync(999);
    expect([...outcomes]).toEqual([[5, "busy"]]);
    await vi.advanceTimersByTimeAsync(1);
    expect([...outcomes.keys()]).toEqual([5, 2, 3, 4]);
    end(0);
    await vi.advanceTimersByTimeAsync(0);
    add(6);
    expect(begun).toEqual([0, 1, 6]);
  });

  it("gives the place of work that failed to the next", async () => {
    const line = createLine({ ...rules, places: 1 });
    const failed = line.run(() => Promise.reject(new Error("gone")));
    const next = line.run(async () => "well");
    await expect(failed).rejects.toThrow("gone");
    expect(await next).toBe("well");
  });
});

it("of many lines each is its key's alone", async () => {
  const lines = createLines(rules);
  const crowd = createWorks((work) => lines.run("a", work));
  const other = createWorks((work) => lines.run("b", work));
  times(5, crowd.add);
  other.add(0);
  expect([crowd.begun, other.begun]).toEqual([[0, 1], [0]]);
  crowd.end(0);
  other.end(0);
  await vi.advanceTimersByTimeAsync(0);
  other.add(1);
  expect([crowd.begun, other.begun]).toEqual([
    [0, 1, 2],
    [0, 1],
  ]);
});
