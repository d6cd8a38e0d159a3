import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../src/cli/main.js";
import { diskFiles, readSettings } from "../../../src/config/settings.js";
import { storeLocation } from "../../../src/server/core.js";
import { openStore } from "../../../src/store/open.js";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import type { Store } from "../../../src/store/port/store.js";
import { createBreaker } from "../../../src/store/postgres/breaker.js";
import { createColdDatabase } from "../../../src/store/postgres/cold-database.js";
import { operationOptions } from "../../../src/store/postgres/connection.js";
import { openDatabase } from "../../../src/store/postgres/database.js";
import type { PostgresHost, PostgresLocation } from "../../../src/store/postgres/location.js";
import { migrate } from "../../../src/store/postgres/migrate.js";
import { createOpener } from "../../../src/store/postgres/opener.js";
import { createPool } from "../../../src/store/postgres/pool.js";
import { createKeys } from "../../../src/store/shared/keys.js";
import { eventually } from "../../support/app.js";
import { freePort } from "../../support/ports.js";
import { clientOf, locationOf, portOf, query, testDatabases, urlOf } from "../../support/postgres.js";
import { type Pair, startPair } from "../../support/postgres-pair.js";
import { developmentEnv } from "../../support/server.js";
import { issue, t0, times } from "../contract/fixtures.js";
import { newProcess } from "../contract/fleet.js";
import { tempDir } from "../temp-dir.js";

const databases = testDatabases();
const directory = tempDir();
const stores: Store[] = [];

afterEach(async () => {
  vi.restoreAllMocks();
  for (const store of stores.splice(0)) await store.close();
});

async function open(location: PostgresLocation): Promise<Store> {
  const store = await openStore(location, { inFlight: () => 0 });
  stores.push(store);
  return store;
}

/** Process ids of the connections that a store has to a database. */
async function connectionsTo(location: PostgresLocation): Promise<number[]> {
  const rows = await query<{ pid: number }>(
    location,
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'",
  );
  return rows.map(({ pid }) => pid);
}

async function endConnectionsTo(location: PostgresLocation): Promise<void> {
  await query(
    location,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'",
  );
}

const beat = (store: Store) => store.processes.beat({ ...newProcess(), now: t0 });

async function works(store: Store): Promise<true | undefined> {
  try {
    await store.upkeep.ping();
    await beat(store);
    await issue(store);
    return true;
  } catch (error) {
    if (error instanceof StoreUnavailableError) return undefined;
    throw error;
  }
}

describe("connections to PostgreSQL", () => {
  it("that answer as read-only are replaced, of operations as of health, and the store works again without a restart", async () => {
    const location = await databases.create();
    const onNew = (setting: string) =>
      query(location, `BEGIN READ WRITE; ALTER DATABASE ${location.database} ${setting}; COMMIT`);
    await onNew("SET default_transaction_read_only = on");
    const store = await open({ ...location, poolMax: 3 });
    const acts = [store.upkeep.ping, () => beat(store), ...times(3, () => () => issue(store))];
    const [ping, ...writes] = await Promise.all(acts.map((act) => act().catch(String)));
    expect(ping).toContain("the server is read-only");
    for (const outcome of writes) expect(outcome).toContain("read-only transaction (25006)");
    await onNew("RESET default_transaction_read_only");
    await eventually("the store to work", () => works(store));
    await Promise.all(times(3, () => issue(store)));
  });

  it("live for four to five minutes, however often they are used", async () => {
    const location = await databases.create();
    const store = await open({ ...location, poolMax: 4 });
    await Promise.all(times(4, () => issue(store)));
    const before = await connectionsTo(location);
    const real = performance.now.bind(performance);
    let aheadMs = 0;
    vi.spyOn(performance, "now").mockImplementation(() => real() + aheadMs);
    const kept: number[] = [];
    for (const minutes of [3.9, 4.2, 4.4, 4.6, 4.8, 5]) {
      aheadMs = minutes * 60_000;
      await Promise.all(times(4, () => issue(store)));
      await store.upkeep.ping();
      const now = await eventually("old connections to be gone", async () => {
        const pids = await connectionsTo(location);
        return pids.length <= 5 ? pids : undefined;
      });
      kept.push(before.filter((pid) => now.includes(pid)).length);
    }
    expect(kept[0]).toBe(before.length);
    expect(kept.at(-1)).toBe(0);
  });
});

describe("a password that a file holds", () => {
  let admin: PostgresLocation;
  let location: PostgresLocation;
  beforeEach(async () => {
    admin = await databases.createEmpty();
    const user = `role_of_${admin.database}`;
    await query(admin, `CREATE ROLE ${user} LOGIN SUPERUSER PASSWORD 'first-sensitive'`);
    location = { ...admin, user, password: "first-sensitive" };
  });
  afterEach(() => query(admin, `REASSIGN OWNED BY ${location.user} TO CURRENT_USER; DROP ROLE ${location.user}`));

  const change = (password: string) => query(admin, `ALTER ROLE ${location.user} PASSWORD '${password}'`);

  function locationIn(env: Readonly<Record<string, string>>): PostgresLocation {
    const result = readSettings({ ...developmentEnv(), ...env }, { files: diskFiles });
    if (!result.ok) throw new Error(result.problems.join("\n"));
    return storeLocation(result.settings) as PostgresLocation;
  }

  const file = join(directory, "login");
  const inUrlFile = (password: string) => writeFileSync(file, `${urlOf({ ...location, password })}\n`);
  const inPassfile = (password: string) =>
    writeFileSync(file, `127.0.0.1:*:${location.database}:${location.user}:${password}\n`);

  it.each([
    ["LATCHKEY_DATABASE_URL_FILE", inUrlFile],
    ["passfile", inPassfile],
  ] as const)("in %s is read again when the server refuses it, whichever of both is changed first", async (where, write) => {
    write("first-sensitive");
    const url = urlOf(location).replace(":first-sensitive", "");
    const store = await open(
      locationIn(where === "passfile" ? { LATCHKEY_DATABASE_URL: `${url}&passfile=${file}` } : { [where]: file }),
    );
    await issue(store);

    await change("second-sensitive");
    await endConnectionsTo(admin);
    const refused = await eventually("a refused login", () =>
      issue(store).then(
        () => undefined,
        (error: unknown) => (String(error).includes("28P01") ? String(error) : undefined),
      ),
    );
    expect(refused).not.toContain("sensitive");
    write("second-sensitive");
    await eventually("the new password to be used", () => works(store));

    write("third-sensitive");
    await endConnectionsTo(admin);
    await eventually("the old password to be used still", () => works(store));
    await change("third-sensitive");
    await endConnectionsTo(admin);
    await eventually("the third password to be used", () => works(store));
  });
});

describe("a primary and its standby", () => {
  let pair: Pair;
  let primary: PostgresLocation;
  let standby: PostgresLocation;
  beforeAll(async () => {
    pair = await startPair();
    await migrate(locationOf(pair.primary().url));
    await pair.synchronise();
    [primary, standby] = [locationOf(pair.primary().url), locationOf(pair.standby().url)];
  }, 60_000);
  afterAll(() => pair.stop());

  const portOfOpened = async (location: PostgresLocation, ...lookup: [((host: string) => Promise<string[]>)?]) => {
    const client = await createOpener(location, ...lookup).open(operationOptions);
    await client.end();
    return client.port;
  };
  const deadHost = async () => ({ host: "127.0.0.1", port: await freePort() });

  it("in one URL: the standby and hosts that can't be reached are skipped, in any order", async () => {
    const [dead] = [await deadHost()];
    for (const hosts of [
      [...standby.hosts, ...primary.hosts],
      [dead, ...standby.hosts, { host: "no-such-host.invalid", port: 5432 }, ...primary.hosts],
      [...primary.hosts, ...standby.hosts],
    ]) {
      expect(await portOfOpened({ ...primary, hosts, readWriteOnly: true })).toBe(portOf(pair.primary().url));
    }
  });

  it("a primary that was too slow is tried again while time is left", async () => {
    let connections = 0;
    const slow = createServer((near) => {
      near.on("error", () => {});
      connections += 1;
      if (connections === 1) return;
      const far = connect(portOf(pair.primary().url), "127.0.0.1").on("error", () => {});
      near.pipe(far).pipe(near);
    }).listen(0, "127.0.0.1");
    await once(slow, "listening");
    const { port } = slow.address() as AddressInfo;
    try {
      expect(await portOfOpened({ ...primary, hosts: [{ host: "127.0.0.1", port }, ...standby.hosts] })).toBe(port);
      expect(connections).toBe(2);
    } finally {
      slow.close();
    }
  });

  it("behind one name: each of its addresses is tried, and the name is resolved for each connection", async () => {
    const asked: string[] = [];
    const opener = createOpener({ ...primary, hosts: [{ ...primary.hosts[0]!, host: "db.test" }] }, async (host) => {
      asked.push(host);
      // Nothing listens at the first one.
      return ["127.0.0.2", "127.0.0.1"];
    });
    for (let n = 0; n < 2; n += 1) {
      const client = await opener.open(operationOptions);
      expect(client.host).toBe("127.0.0.1");
      await client.end();
    }
    expect(asked).toEqual(["db.test", "db.test"]);
  });

  it("a standby alone is unavailable, for reads too, whatever the URL asks for, and the error says why", async () => {
    for (const readWriteOnly of [true, false]) {
      const error = await openStore({ ...standby, readWriteOnly }, { inFlight: () => 0 }).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(String(error)).toContain(`the server at 127.0.0.1:${portOf(pair.standby().url)} is a standby`);
    }
  });

  it("that a pooler leads to reads, but a cold write there is unavailable", async () => {
    const pool = createPool(() => clientOf(standby));
    const cold = createColdDatabase(openDatabase({ pool, places: 1, breaker: createBreaker() }));
    expect(await createKeys(cold).list()).toEqual([]);
    await expect(createKeys(cold).delete("nothing")).rejects.toBeInstanceOf(StoreUnavailableError);
    pool.close();
  });

  it("when no host takes writes the error tells of each, without the password", async () => {
    const dead = await deadHost();
    const location = { ...standby, hosts: [dead, ...standby.hosts], readWriteOnly: true, password: "postgres" };
    const error = await openStore(location, { inFlight: () => 0 }).catch(String);
    expect(error).toMatch(/ECONNREFUSED.*; the server at 127\.0\.0\.1:\d+ is a standby$/);
    expect(error).not.toContain("postgres:");
  });

  it("a primary that is set to be read-only is skipped where the URL asks for one that takes writes", async () => {
    await query(primary, "ALTER ROLE postgres IN DATABASE postgres SET default_transaction_read_only = on");
    try {
      await expect(portOfOpened({ ...primary, readWriteOnly: true })).rejects.toThrow(/is read-only$/);
      expect(await portOfOpened(primary)).toBe(portOf(pair.primary().url));
    } finally {
      await query(
        primary,
        "BEGIN READ WRITE; ALTER ROLE postgres IN DATABASE postgres RESET default_transaction_read_only; COMMIT",
      );
    }
  });

  it("`latchkey doctor` says whether a standby of LATCHKEY_DATABASE_READ_HOSTS answers", async () => {
    const findings = async (hosts: readonly PostgresHost[]) => {
      const lines: string[] = [];
      const io = { out: (line: string) => void lines.push(line), err: () => {}, confirm: async () => false };
      const readHosts = hosts.map(({ host, port }) => `${host}:${port}`).join(",");
      const env = { ...developmentEnv(), LATCHKEY_DATABASE_URL: urlOf(primary), LATCHKEY_DATABASE_READ_HOSTS: readHosts };
      await run(["doctor"], env, io);
      return lines.filter((line) => line.includes("standby"));
    };
    expect(await findings([...primary.hosts, ...standby.hosts])).toEqual([
      "ok      1 standby answers reads that may be a moment old",
    ]);
    expect(await findings(primary.hosts)).toEqual([
      expect.stringMatching(
        /^warning no standby of LATCHKEY_DATABASE_READ_HOSTS answers, so the primary serves all reads: .* is not a standby/,
      ),
    ]);
  });

  // The last one, because it leaves two primaries.
  it("a primary that was cut off from its standby is left once a heartbeat is unanswered; until one is answered nothing is written", async () => {
    const store = await open({ ...primary, hosts: [...primary.hosts, ...standby.hosts] });
    await beat(store);
    await pair.promote();
    const challengesAt = async (location: PostgresLocation) =>
      (await query<{ challenge_id: string }>(location, "SELECT challenge_id FROM challenges")).map((row) => row.challenge_id);
    // It still takes what does not wait for the standby.
    const lost = await issue(store);
    expect(await challengesAt(primary)).toContain(lost.challengeId);
    const waiting = store.keys.addCheck({ use: "pepper", keyId: "waits", check: Buffer.from("check") }).catch(String);

    await expect(beat(store)).rejects.toThrow(StoreUnavailableError);
    expect(await waiting).toContain("Connection terminated");
    const before = await challengesAt(primary);
    await expect(issue(store)).rejects.toThrow("the server has not answered a heartbeat for 3 s");
    await store.upkeep.ping();
    await expect(issue(store)).rejects.toThrow("the server has not answered a heartbeat for 3 s");
    await eventually("an answered heartbeat", () => works(store));
    const { challengeId } = await issue(store);
    expect(await challengesAt(standby)).toContain(challengeId);
    expect(await challengesAt(primary)).toEqual(before);
    // Commits that wait for the standby notice no end of their connections.
    const connections = `SELECT 1 FROM pg_stat_activity WHERE application_name = 'latchkey' AND wait_event IS DISTINCT FROM 'SyncRep'`;
    await eventually("no connection to the former primary", async () =>
      (await query(primary, connections)).length === 0 ? true : undefined,
    );
  });
});
