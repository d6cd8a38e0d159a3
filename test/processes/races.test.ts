import { afterAll, describe } from "vitest";
import { races } from "../security/races.js";
import { testDatabases } from "../support/postgres.js";
import { endServers } from "../support/server.js";
import { type Fleet, startServers, startWorkers } from "./fleet.js";

const databases = testDatabases();

afterAll(endServers);

/** Hashes are made for codes that are sent and for guesses that are compared. */
function sceneOf(fleet: Fleet) {
  return { ...fleet, compared: () => fleet.metric("latchkey_hash_duration_seconds_count") };
}

describe.each([2, 4])("races over the wire, each call to the next of %i server processes on one database", (count) => {
  races(async () => sceneOf(await startServers(count, await databases.create())));
});

describe.each([2, 4])("races over the wire, each call to the next of %i workers of one server", (count) => {
  races(async () => sceneOf(await startWorkers(count, await databases.create())));
});
