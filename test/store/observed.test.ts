import { expect, it } from "vitest";
import { type EndedOperation, observeStore } from "../../src/store/observed.js";
import { StoreUnavailableError } from "../../src/store/port/errors.js";
import type { Store } from "../../src/store/port/store.js";

const operations = {
  upkeep: { ping: async () => {} },
  outbox: { nextDueAt: async () => 7 },
  keys: {
    delete: async () => {
      throw new StoreUnavailableError("gone");
    },
  },
};

it("an observed store answers and fails as the store does, and tells of each operation that ended", async () => {
  const ended: EndedOperation[] = [];
  const store = observeStore(operations as unknown as Store, (operation) => ended.push(operation));
  expect(await store.outbox.nextDueAt()).toBe(7);
  await store.upkeep.ping();
  await expect(store.keys.delete("key")).rejects.toThrow("gone");
  expect(ended.map(({ operation, error }) => [operation, error])).toEqual([
    ["outbox.nextDueAt", undefined],
    ["upkeep.ping", undefined],
    ["keys.delete", "StoreUnavailableError"],
  ]);
  expect(ended.every(({ tookMs }) => tookMs >= 0)).toBe(true);
});
