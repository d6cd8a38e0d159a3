import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { FunctionRightsError } from "../../../src/store/postgres/functions/install.js";
import { functionNames, functionSetId } from "../../../src/store/postgres/functions/set.js";
import { inspect } from "../../../src/store/postgres/inspect.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { otherProgram } from "../../support/other-program.js";
import { query, testDatabases } from "../../support/postgres.js";
import { type StoreProcesses, startStoreProcesses } from "../../support/store-processes.js";
import { appId, hour, issue, ofKind, poolId, signIn, t0, times } from "../contract/fixtures.js";
import { newMember } from "../contract/member-fixtures.js";

const databases = testDatabases();
const other = otherProgram({ functions: true });

/** How many functions of each set the database has. */
async function installed(location: PostgresLocation): Promise<Record<string, number>> {
  const rows = await query<{ id: string; functions: number }>(
    location,
    `SELECT substring(proname from '[0-9a-f]{12}$') AS id, count(*)::int AS functions FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ id, functions }) => [id, functions]));
}

/** Between two sweeps that look at functions; more than an hour, less than two. */
const step = 1.5 * hour;

async function dropAll(location: PostgresLocation): Promise<void> {
  for (const name of functionNames) await query(location, `DROP FUNCTION ${name}`);
  await query(location, "DELETE FROM function_sets");
}

describe("functions that no process uses", () => {
  /** This program and another one, opened at t0 by one clock that `sweepAt` sets for the sweep of a store. */
  async function twoPrograms() {
    const location = await databases.create();
    await query(location, "DELETE FROM function_sets");
    const options = { inFlight: () => 0, clock: () => t0 };
    const own = await openStore(location, options);
    const others = await (await other).openStore(location, options);
    const sets = await installed(location);
    const otherId = Object.keys(sets).find((id) => id !== functionSetId)!;
    expect(sets).toEqual({ [functionSetId]: functionNames.length, [otherId]: functionNames.length });
    return { location, own, others, otherId };
  }

  it("are dropped a day after they were last in use, and not before; those in use stay", async () => {
    const { location, own, others, otherId } = await twoPrograms();
    await others.upkeep.sweep({ now: t0 + hour, limit: 1 });
    await others.close();
    for (let now = t0 + hour; now <= t0 + 25 * hour; now += step) await own.upkeep.sweep({ now, limit: 1 });
    expect(Object.keys(await installed(location))).toContain(otherId);
    await own.upkeep.sweep({ now: t0 + 25 * hour + step, limit: 1 });
    expect(await installed(location)).toEqual({ [functionSetId]: functionNames.length });
    expect(await query(location, "SELECT set_id FROM function_sets")).toEqual([{ set_id: functionSetId }]);
    await issue(own);
    await own.close();
  });

  it("are never dropped while a process of their program sweeps", async () => {
    const { location, own, others, otherId } = await twoPrograms();
    for (let now = t0; now <= t0 + 36 * hour; now += step) {
      await own.upkeep.sweep({ now, limit: 1 });
      await others.upkeep.sweep({ now: now + 1_000, limit: 1 });
    }
    expect(await installed(location)).toEqual({ [functionSetId]: functionNames.length, [otherId]: functionNames.length });
    await Promise.all([own.close(), others.close()]);
  });

  it("stay after an outage of two days until their process had an hour to say that it uses them", async () => {
    const { location, own, others, otherId } = await twoPrograms();
    await own.upkeep.sweep({ now: t0 + 48 * hour, limit: 1 });
    expect(Object.keys(await installed(location))).toContain(otherId);
    await others.upkeep.sweep({ now: t0 + 48 * hour, limit: 1 });
    await own.upkeep.sweep({ now: t0 + 49 * hour, limit: 1 });
    expect(Object.keys(await installed(location))).toContain(otherId);
    await Promise.all([own.close(), others.close()]);
  });

  it("come back with the next sweep of a process that was suspended for days", async () => {
    const { location, own, others, otherId } = await twoPrograms();
    for (let now = t0; now <= t0 + 27 * hour; now += step) await own.upkeep.sweep({ now, limit: 1 });
    expect(Object.keys(await installed(location))).not.toContain(otherId);
    await others.upkeep.sweep({ now: t0 + 27 * hour, limit: 1 });
    expect(Object.keys(await installed(location))).toContain(otherId);
    await issue(others);
    await Promise.all([own.close(), others.close()]);
  });

  it("stay where another owner made them, and others go", async () => {
    const { location, own, others, otherId } = await twoPrograms();
    await others.close();
    await own.close();
    const login = await createLogin(location);
    await query(location, `ALTER TABLE function_sets OWNER TO ${login.user}`);
    const limited = await openStore(login, { inFlight: () => 0, clock: () => t0 });
    await query(location, "INSERT INTO function_sets VALUES ('000000000000', 0)");
    for (const hours of [25, 26]) await limited.upkeep.sweep({ now: t0 + hours * hour, limit: 1 });
    expect(Object.keys(await installed(location))).toContain(otherId);
    expect(await query(location, "SELECT set_id FROM function_sets WHERE set_id = '000000000000'")).toEqual([]);
    await limited.close();
  });
});

/** A login that may read and write rows, and create nothing. */
async function createLogin(location: PostgresLocation): Promise<PostgresLocation> {
  const user = `limited_${location.database}`;
  await query(location, `CREATE ROLE ${user} LOGIN PASSWORD 'secret'`);
  await query(location, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${user}`);
  return { ...location, user, password: "secret" };
}

describe("a login that may not create anything", () => {
  it("serves where the functions are there", async () => {
    const location = await databases.create();
    const store = await openStore(await createLogin(location), { inFlight: () => 0 });
    const { session } = await signIn(store);
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).not.toBeNull();
    const members = [newMember({ number: 5_000 }), newMember()];
    const created = await store.users.create({ poolId, appId, members, now: t0 });
    const numbers = ofKind(created, "created").map(({ member }) => member.user.number);
    expect(numbers, "an imported number moves the counter").toEqual([5_000, 5_001]);
    await store.close();
  });

  it("is refused with a sentence that says what to do where they are missing, and nothing is written", async () => {
    const location = await databases.create();
    await dropAll(location);
    const opening = openStore(await createLogin(location), { inFlight: () => 0 });
    await expect(opening).rejects.toThrow(FunctionRightsError);
    await expect(opening).rejects.toThrow("run `latchkey migrate` with a login that owns the tables");
    expect(await installed(location)).toEqual({});
    expect(await query(location, "SELECT set_id FROM function_sets")).toEqual([]);
    expect(await inspect(location)).toMatchObject({ hasFunctions: false });
  });
});

describe("of processes that start at once on a database without functions", () => {
  let processes: StoreProcesses;
  beforeAll(async () => {
    processes = await startStoreProcesses(4);
  });
  afterAll(() => processes.stop());

  it("one creates them while the others wait for it, and all work", async () => {
    for (const _ of times(2, Number)) {
      const location = await databases.create();
      await dropAll(location);
      const findings = times(8, () => ({ charges: [], now: t0 }));
      expect(await processes.race(location, "challenges.findLimit", findings)).toEqual(times(8, () => null));
      expect(await installed(location)).toEqual({ [functionSetId]: functionNames.length });
    }
  });
});
