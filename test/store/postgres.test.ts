import { openStore } from "../../src/store/open.js";
import { testDatabases } from "../support/postgres.js";
import { describeStore } from "./contract/store.js";

const databases = testDatabases();

describeStore("PostgreSQL", async () => {
  const location = await databases.create();
  const store = await openStore(location, { inFlight: () => 0 });
  const close = async () => {
    await store.close();
    await databases.recycle(location);
  };
  return { location, store: { ...store, close } };
});
