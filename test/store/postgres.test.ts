import { afterAll } from "vitest";
import { openStore } from "../../src/store/open.js";
import type { Store } from "../../src/store/port/store.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { testDatabases } from "../support/postgres.js";
import { describeStore } from "./contract/store.js";

const databases = testDatabases();
/** Open, on emptied databases. A new connection has to compile the functions again, so the next test takes one of these. */
const spare: { readonly location: PostgresLocation; readonly store: Store }[] = [];

afterAll(async () => {
  for (const { store } of spare) await store.close();
});

describeStore("PostgreSQL", async () => {
  const { location, store } = spare.pop() ?? (await openNew());
  // To the store the clock is set back, so that it forgets until when it has swept.
  await store.upkeep.sweep({ now: 0, limit: 1 });
  const close = async () => {
    await databases.empty(location);
    spare.push({ location, store });
  };
  return { location, store: { ...store, close } };
});

async function openNew() {
  const location = await databases.create();
  return { location, store: await openStore(location, { inFlight: () => 0 }) };
}
