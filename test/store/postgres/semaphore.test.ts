import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createSemaphore, createSemaphores } from "../../../src/store/postgres/semaphore.js";
import { times } from "../contract/fixtures.js";

const rules = { places: 2, waitingMax: 3, waitMs: 1_000, busy: () => new Error("busy") };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Works that begin when a semaphore lets them and end when they are told. */
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

describe("a semaphore", () => {
  it("lets so many work at once, the others in their order, and none past those who wait", async () => {
    const semaphore = createSemaphore(rules);
    const { add, begun, end } = createWorks(semaphore.run);
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
    expect(semaphore.isEmpty()).toBe(true);
  });

  it("refuses at once who finds it full, and after the time allowed who waited in vain; their places go to others", async () => {
    const semaphore = createSemaphore(rules);
    const { add, begun, outcomes, end } = createWorks(semaphore.run);
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
    const semaphore = createSemaphore({ ...rules, places: 1 });
    const failed = semaphore.run(() => Promise.reject(new Error("gone")));
    const next = semaphore.run(async () => "well");
    await expect(failed).rejects.toThrow("gone");
    expect(await next).toBe("well");
  });
});

it("of many semaphores each is its key's alone", async () => {
  const semaphores = createSemaphores(rules);
  const crowd = createWorks((work) => semaphores.run("a", work));
  const other = createWorks((work) => semaphores.run("b", work));
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
