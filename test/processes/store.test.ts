import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeStore } from "../store/contract/store.js";
import { testDatabases } from "../support/postgres.js";
import { type StoreProcesses, startStoreProcesses } from "../support/store-processes.js";

const databases = testDatabases();

/** The contract gives every operation its time, so that processes need no clock. */
describe.each([2, 4])("each operation done by the next of %i processes", (count) => {
  let processes: StoreProcesses;
  beforeAll(async () => {
    processes = await startStoreProcesses(count);
  });
  afterAll(async () => await processes.stop());

  describeStore("PostgreSQL", async () => {
    const location = await databases.create();
    const store = await processes.open(location);
    const close = async () => {
      await store.close();
      await databases.recycle(location);
    };
    return { location, store: { ...store, close } };
  });

  it("all of them did their share of the contract's operations", () => {
    const share = processes.done.reduce((sum, done) => sum + done, 0) / count;
    expect(share).toBeGreaterThan(500);
    for (const done of processes.done) expect(done).toBeGreaterThan(share * 0.8);
  });
});
