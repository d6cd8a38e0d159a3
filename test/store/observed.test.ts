import { expect, it } from "vitest";
import { type EndedOperation, observeStore } from "../../src/store/observed.js";
import { type Store, StoreUnavailableError } from "../../src/store/store.js";

const operations = {
  ping: async () => {},
  nextMessageDueAt: async () => 7,
  deleteKey: async () => {
    throw new StoreUnavailableError("gone");
  },
};

it("an observed store answers and fails as the store does, and tells of each operation that ended", async () => {
  const ended: EndedOperation[] = [];
  const store = observeStore(operations as unknown as Store, (operation) => ended.push(operation));
  expect(await store.nextMessageDueAt()).toBe(7);
  await store.ping();
  await expect(store.deleteKey("key")).rejects.toThrow("gone");
  expect(ended.map(({ operation, error }) => [operation, error])).toEqual([
    ["nextMessageDueAt", undefined],
    ["ping", undefined],
    ["deleteKey", "StoreUnavailableError"],
  ]);
  expect(ended.every(({ tookMs }) => tookMs >= 0)).toBe(true);
});
