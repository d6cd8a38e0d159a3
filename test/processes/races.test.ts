import { afterAll, describe, expect } from "vitest";
import { races } from "../security/races.js";
import { together } from "../support/calls.js";
import { testDatabases } from "../support/postgres.js";
import { endServers } from "../support/server.js";
import { type Fleet, processCounts, startServers, startWorkers } from "./fleet.js";

const databases = testDatabases();

afterAll(endServers);

/** Hashes are made for codes that are sent and for guesses that are compared. */
function sceneOf(fleet: Fleet) {
  return { ...fleet, compared: () => fleet.metric("latchkey_hash_duration_seconds_count") };
}

/**
 * A fleet whose processes have their connections: on a starved machine opening one takes longer than a call may wait, and what
 * becomes of a burst that meets a server as it starts is not what is raced here.
 */
async function warm<T extends Fleet>(starting: Promise<T>): Promise<T> {
  const fleet = await starting;
  const identifier = (n: number) => ({ case: "email" as const, value: `nobody${n}@example.org` });
  await together(25 * fleet.processes, (n) => fleet.auth.sendOtp({ identifier: identifier(n) }));
  expect(fleet.called()).toBe(fleet.processes);
  return fleet;
}

describe.each(processCounts)("races over the wire, each call to the next of %i server processes on one database", (count) => {
  races(async () => sceneOf(await warm(startServers(count, await databases.create()))), 10);
});

describe.each(processCounts)("races over the wire, each call to the next of %i workers of one server", (count) => {
  races(async () => sceneOf(await warm(startWorkers(count, await databases.create()))), 10);
});
