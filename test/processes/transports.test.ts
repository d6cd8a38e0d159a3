import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { lifeRefusals, live, refusalsIn, type Transcript } from "../app/user-life.js";
import { callers, type RpcCaller, type Target } from "../doors/callers.js";
import { startTestApp } from "../support/app.js";
import { testDatabases } from "../support/postgres.js";
import { endServers } from "../support/server.js";
import { inTurn, processCounts, readMetric, startServers, startWorkers } from "./fleet.js";

const databases = testDatabases();
/** As one server answers. */
let alone: Transcript;

beforeAll(async () => {
  const on = await startTestApp();
  const connect = Object.values(callers)[0]!;
  const caller = connect({ grpcAddress: `127.0.0.1:${on.app.grpcPort}`, webUrl: `http://127.0.0.1:${on.app.httpPort}` });
  alone = await live(on, caller);
  caller.close();
  await on.stop();
});

afterEach(endServers);
// For those of a hook that failed.
afterAll(endServers);

describe.each(processCounts)("one life of a user, each call to the next of %i server processes on one database", (count) => {
  it.each(Object.entries(callers))("is answered as by one server over %s", async (name, connect) => {
    const fleet = await startServers(count, await databases.create());
    // Another process first on each transport, so that no call is always the same one's.
    const first = Object.keys(callers).indexOf(name) % count;
    const caller = inTurn([...fleet.targets.slice(first), ...fleet.targets.slice(0, first)].map(connect));
    const transcript = await live(fleet, caller);
    caller.close();
    expect(refusalsIn(transcript)).toEqual(lifeRefusals());
    expect(transcript).toEqual(alone);
    for (const { httpUrl, metricsUrl } of fleet.servers) {
      expect((await fetch(`${httpUrl}/readyz`)).status).toBe(200);
      const calls = await readMetric(metricsUrl, "latchkey_call_duration_seconds_count");
      expect(calls).toBeGreaterThanOrEqual(Math.floor(transcript.length / count));
    }
    await fleet.stop();
  });
});

describe("one life of a user in production, each call to the next worker of one server", () => {
  let byOne: Transcript;

  async function liveOn(count: number, connect: (target: Target) => RpcCaller): Promise<Transcript> {
    const fleet = await startWorkers(count, await databases.create());
    const caller = inTurn(fleet.targets.map(connect));
    const transcript = await live(fleet, caller);
    caller.close();
    expect(refusalsIn(transcript)).toEqual(lifeRefusals(true));
    expect(fleet.called()).toBe(count);
    await fleet.stop();
    return transcript;
  }

  beforeAll(async () => {
    byOne = await liveOn(1, Object.values(callers)[0]!);
  });

  describe.each(processCounts)("of %i workers", (count) => {
    it.each(Object.entries(callers))("is answered as by one worker over %s", async (_, connect) => {
      expect(await liveOn(count, connect)).toEqual(byOne);
    });
  });
});
