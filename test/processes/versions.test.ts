import { afterAll, describe, expect, it } from "vitest";
import { openStore } from "../../src/store/open.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { startMailbox } from "../kill/mail.js";
import { earlierProgram } from "../support/earlier-program.js";
import { addColumns, nextVersion, type OtherProgram, otherProgram } from "../support/other-program.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";
import { endServers, productionEnv, type Server, startServer } from "../support/server.js";
import { type Balanced, balance, startKeyLoad } from "./key-load.js";

const databases = testDatabases();

afterAll(endServers);

/** How long users call in all scenes together. */
const loadMs = 60_000;

const during = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Servers of several programs on one database, in production. */
async function startScene(location: PostgresLocation) {
  const codes = new Map<string, string>();
  const mail = await startMailbox((to, code) => codes.set(to, code));
  const env = { ...productionEnv(mail.port), LATCHKEY_DATABASE_URL: urlOf(location), LATCHKEY_DATABASE_POOL: "5" };
  const started: Server[] = [];
  const loadOf = (fleet: Balanced) => startKeyLoad(fleet, (email) => codes.get(email));
  return {
    load: (servers: readonly Server[]) => loadOf(balance(servers)),
    loadOf,
    /** Starts a process of a fleet anew, with this program or another one. */
    async replace(fleet: Balanced, server: Server, program: readonly [string, ...string[]] | undefined): Promise<void> {
      started.splice(started.indexOf(server), 1);
      await fleet.replace(server, env, program);
      started.push(fleet.servers.at(-1)!);
    },
    /** This program, or another one. */
    async start(program?: OtherProgram): Promise<Server> {
      const server = await startServer(env, program === undefined ? {} : { program: [process.execPath, program.bin] });
      started.push(server);
      return server;
    },
    /** Ends all servers, and gives what they logged as a warning or an error. */
    async stop(): Promise<readonly string[]> {
      const exits = await Promise.all(started.map((server) => server.stop()));
      await mail.stop();
      expect(exits.map(({ code }) => code)).toEqual(exits.map(() => 0));
      return (
        exits
          .flatMap(({ stdout, stderr }) => [...stdout, ...stderr])
          .filter((line) => /"level":"(warn|error|fatal)"/.test(line))
          // Every server of the test has the setting by which the first one made the client.
          .filter((line) => !line.includes("LATCHKEY_DEFAULT_CLIENT is imported once"))
      );
    },
  };
}

describe("this program and the one before it, on one database", () => {
  const shared = earlierProgram();
  const earlierOr = async (skip: (note: string) => void) => {
    if (process.env.LATCHKEY_TEST_POOLER !== undefined)
      return skip("the program before this one does not work through a pooler");
    return (await shared) ?? skip("this copy of the repository has no history");
  };

  it("answer every call while all processes are upgraded and rolled back, one after the other", {
    timeout: 6 * loadMs,
  }, async ({ skip }) => {
    const earlier = await earlierOr(skip);
    if (earlier === undefined) return;
    const location = await databases.createEmpty();
    const scene = await startScene(location);
    const fleet = balance([await scene.start(earlier), await scene.start(earlier), await scene.start(earlier)]);
    const load = scene.loadOf(fleet);
    const step = during.bind(null, loadMs / 12);
    await step();
    for (const program of [undefined, [process.execPath, earlier.bin] as const]) {
      for (const server of fleet.servers) {
        await scene.replace(fleet, server, program);
        await step();
      }
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.kept.length).toBeGreaterThan(8);
    expect(await query(location, "SELECT max(version) AS version FROM schema_migrations")).toEqual([
      { version: nextVersion - 1 },
    ]);
    expect(await scene.stop()).toEqual([]);
  });

  it("charge the same budgets: of racing charges exactly as many are granted as the budget has", async ({ skip }) => {
    const earlier = await earlierOr(skip);
    if (earlier === undefined) return;
    const location = await databases.create();
    const stores = [await openStore(location, { inFlight: () => 0 }), await earlier.openStore(location, { inFlight: () => 0 })];
    const now = Date.now();
    for (const max of [50, 100]) {
      const charge = { key: Buffer.from(`budget ${max}`), limits: [{ max, windowMs: 60_000 }] };
      const outcomes = await Promise.all(
        Array.from({ length: 2 * max + 20 }, (_, n) => stores[n % 2]!.budgets.spend({ charges: [charge], now })),
      );
      expect(outcomes.filter((limited) => limited === null)).toHaveLength(max);
      for (const store of stores)
        expect(await store.budgets.spend({ charges: [charge], now })).toMatchObject({ kind: "limited" });
    }
    for (const store of stores) await store.close();
  });
});

describe("servers of two programs on one database, each call and its repeat at any of them", () => {
  it("with different texts of one function answer every call", { timeout: 4 * loadMs }, async () => {
    const scene = await startScene(await databases.create());
    const newer = await otherProgram({ functions: true });
    const servers = [await scene.start(), await scene.start(newer), await scene.start(), await scene.start(newer)];
    const load = scene.load(servers);
    await during(loadMs / 2);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.kept.length).toBeGreaterThan(8);
    expect(await scene.stop()).toEqual([]);
  });

  it("answer every call while the newer one adds columns to the tables, and after", { timeout: 4 * loadMs }, async () => {
    const location = await databases.create();
    const scene = await startScene(location);
    const newer = await otherProgram({ functions: true, migration: { additive: true, sql: addColumns } });
    const older = [await scene.start(), await scene.start()];
    const first = scene.load(older);
    await during(loadMs / 8);
    const added = await scene.start(newer);
    const second = scene.load([...older, added]);
    // The older program starts again, too, on the newer schema.
    const third = scene.load([await scene.start(), added]);
    await during((loadMs * 3) / 8);
    const loads = [first, second, third];
    await Promise.all(loads.map((load) => load.stop()));
    expect(loads.flatMap(({ failures }) => failures)).toEqual([]);
    for (const { kept } of loads) expect(kept.length).toBeGreaterThan(4);
    expect(await query(location, "SELECT max(version) AS version FROM schema_migrations")).toEqual([{ version: nextVersion }]);
    expect(await query(location, "SELECT DISTINCT added FROM sessions")).toEqual([{ added: "default" }]);
    expect(await scene.stop()).toEqual([]);
  });
});
