import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Store } from "../../src/store/port/store.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { concerns, describeStore } from "../store/contract/store.js";
import { testDatabases } from "../support/postgres.js";
import { type StoreProcesses, startStoreProcesses } from "../support/store-processes.js";
import { processCounts } from "./fleet.js";

const databases = testDatabases();

/** The contract gives every operation its time, so that processes need no clock. */
describe.each(processCounts)("each operation done by the next of %i processes", (count) => {
  let processes: StoreProcesses;
  /** Open in all of them for most tests. With new connections each test would have the functions compiled again. */
  let kept: { readonly location: PostgresLocation; readonly store: Store };
  beforeAll(async () => {
    processes = await startStoreProcesses(count);
  });
  afterAll(async () => await processes.stop());

  async function openNew() {
    const location = await databases.create();
    return { location, store: await processes.open(location) };
  }
  /** A process remembers when a message was due, and in the next test it is earlier again. */
  const withMemory = ["outbox"];
  /** Has processes of its own wherever the contract runs. */
  const withProcesses = ["processes"];
  const others = Object.keys(concerns).filter((concern) => ![...withMemory, ...withProcesses].includes(concern));

  describe("that stay connected:", () => {
    beforeAll(async () => {
      kept = await openNew();
    });
    afterAll(async () => await kept.store.close());
    const open = async () => ({ ...kept, store: { ...kept.store, close: () => databases.empty(kept.location) } });
    describeStore("PostgreSQL", open, others);
  });

  describe("that open it anew:", () => {
    const open = async () => {
      const { location, store } = await openNew();
      const close = async () => {
        await store.close();
        await databases.recycle(location);
      };
      return { location, store: { ...store, close } };
    };
    describeStore("PostgreSQL", open, withMemory);
  });

  it("all of them did their share of the contract's operations", () => {
    const share = processes.done.reduce((sum, done) => sum + done, 0) / count;
    expect(share).toBeGreaterThan(500);
    for (const done of processes.done) expect(done).toBeGreaterThan(share * 0.8);
  });
});
