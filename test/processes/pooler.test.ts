import pg from "pg";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { explain } from "../../src/cli/explain.js";
import { openStore } from "../../src/store/open.js";
import { operationOptions, withClient } from "../../src/store/postgres/connection.js";
import { countOthers } from "../../src/store/postgres/inspect.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { migrate } from "../../src/store/postgres/migrate.js";
import { createOpener } from "../../src/store/postgres/opener.js";
import { serializable } from "../../src/store/postgres/serializable.js";
import type { ConnectionOptions } from "../../src/store/postgres/server.js";
import { signIn, t0, times } from "../store/contract/fixtures.js";
import { eventually } from "../support/app.js";
import { type Pgbouncer, startPgbouncer } from "../support/pgbouncer.js";
import { at, directly, query, testDatabases } from "../support/postgres.js";

const databases = testDatabases();
const clients: pg.Client[] = [];
let direct: PostgresLocation;
let pooler: Pgbouncer;
/** Behind a pooler that has one connection to the server, so that every client gets what the one before left. */
let location: PostgresLocation;

beforeAll(async () => {
  direct = directly(await databases.create());
  pooler = await startPgbouncer(direct.hosts[0]!.port, { default_pool_size: 1, server_idle_timeout: 600 });
  location = behind(pooler);
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.end().catch(() => {})));
});
afterAll(() => pooler.stop());

function behind({ port }: Pgbouncer): PostgresLocation {
  return { ...at(direct, { host: "127.0.0.1", port }), pooler: "transaction" };
}

async function open(options: ConnectionOptions = operationOptions): Promise<pg.Client> {
  const client = await createOpener(location).open(options);
  clients.push(client);
  return client;
}

/** A program that is not Latchkey and shares its connections to the server. */
async function stranger(): Promise<pg.Client> {
  const { user, password, database, hosts } = location;
  const client = new pg.Client({ ...hosts[0], user, password, database });
  client.on("error", () => {});
  await client.connect();
  clients.push(client);
  return client;
}

const names = [
  "synchronous_commit",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "enable_seqscan",
  "plan_cache_mode",
  "jit",
];
const all = `SELECT ${names.map((name) => `current_setting('${name}') AS ${name}`).join(", ")}`;
const left = ["off", "11s", "12s", "13s", "on", "force_custom_plan", "on"];
const ours = ["on", "4s", "3s", "4s", "off", "force_generic_plan", "off"];

it("every statement and transaction has its settings, whatever others left on the connection, and leaves none", async () => {
  const other = await stranger();
  for (const [n, name] of names.entries()) await other.query(`SET ${name} = '${left[n]}'`);
  const settings = async (client: Pick<pg.Client, "query">, values?: unknown[]) =>
    Object.values(((await client.query(all, values)).rows as [object])[0]);
  const client = await open();
  expect(await settings(client)).toEqual(ours);
  expect((await client.query({ name: "one", text: `${all}, $1::int AS one`, values: [1] })).rows).toEqual([
    { ...Object.fromEntries(names.map((name, n) => [name, ours[n]])), one: 1 },
  ]);
  expect((await serializable(client, () => settings(client)))()).toEqual(ours);
  await expect(client.query("SELECT 1 / $1::int", [0])).rejects.toMatchObject({ code: "22012" });
  expect(await settings(other)).toEqual(left);
  expect((await withClient(location, (long) => settings(long)))[0]).toBe("on");
  await other.query("DISCARD ALL");
});

it("a statement that need not wait for the disk does not, and the next one waits", async () => {
  const client = await open();
  const sync = "current_setting('synchronous_commit') AS sync";
  const unflushed = "set_config('synchronous_commit', 'off', true)";
  expect((await client.query(`SELECT ${sync} FROM ${unflushed}`)).rows).toEqual([{ sync: "off" }]);
  expect((await client.query(`SELECT ${sync}`)).rows).toEqual([{ sync: "on" }]);
});

it("remote_apply stays where the database has it", async () => {
  await query(direct, `ALTER DATABASE ${direct.database} SET synchronous_commit = remote_apply`);
  const second = await startPgbouncer(direct.hosts[0]!.port);
  try {
    const client = await createOpener(behind(second)).open(operationOptions);
    const { rows } = await client.query("SELECT current_setting('synchronous_commit') AS sync");
    await client.end();
    expect(rows).toEqual([{ sync: "remote_apply" }]);
  } finally {
    await second.stop();
    await query(direct, `ALTER DATABASE ${direct.database} RESET synchronous_commit`);
  }
});

it("the time limit of a statement ends it at the server", async () => {
  const client = await open({ settings: { statement_timeout: "50ms" } });
  await expect(client.query("SELECT pg_sleep(60)")).rejects.toMatchObject({ code: "57014" });
  expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
});

it("a SERIALIZABLE transaction sees what was committed before it got its lock", async () => {
  const pooled = await startPgbouncer(direct.hosts[0]!.port);
  await query(direct, "CREATE TABLE counted (n INTEGER)");
  try {
    const counts = await Promise.all(
      times(5, async () => {
        const client = await createOpener(behind(pooled)).open(operationOptions);
        const counted = await serializable(client, async () => {
          await client.query("LOCK TABLE counted IN EXCLUSIVE MODE");
          return (await client.query("INSERT INTO counted SELECT count(*) FROM counted RETURNING n")).rows as [{ n: number }];
        });
        await client.end();
        return counted()[0].n;
      }),
    );
    expect(counts.toSorted()).toEqual([0, 1, 2, 3, 4]);
  } finally {
    await pooled.stop();
    await query(direct, "DROP TABLE counted");
  }
});

it.each(["in the middle of a statement", "in the middle of a transaction"])(
  "a client that goes away %s leaves no lock and no open transaction",
  async (moment) => {
    const client = await open({ settings: {} });
    const statement = moment.endsWith("statement");
    if (!statement) await client.query("BEGIN");
    const lock = "SELECT pg_advisory_xact_lock(7)";
    const asked = client.query(statement ? `${lock}, pg_sleep(1)` : lock).catch(() => {});
    const held = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = 7";
    await eventually("the lock", async () => ((await query(direct, held)).length > 0 ? true : undefined));
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
    await asked;
    // The server ends the statement before it notices that its client has gone.
    await eventually("no lock", async () => ((await query(direct, held)).length === 0 ? true : undefined));
    const next = await open();
    expect((await next.query("SELECT pg_current_xact_id_if_assigned() IS NULL AS clean")).rows).toEqual([{ clean: true }]);
    expect((await next.query("SELECT pg_try_advisory_xact_lock(7) AS free")).rows).toEqual([{ free: true }]);
  },
);

it("idle connections of a pooler do not look like a running service, and a service does", async () => {
  const pooled = await startPgbouncer(direct.hosts[0]!.port, { server_idle_timeout: 600 });
  try {
    const through = behind(pooled);
    const store = await openStore(through, { inFlight: () => 0 });
    const pings = setInterval(() => void store.upkeep.ping().catch(() => {}), 200);
    try {
      expect(await countOthers(through)).toBeGreaterThan(0);
    } finally {
      clearInterval(pings);
      await store.close();
    }
    const idle = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'latchkey'";
    expect((await query(direct, idle)).length).toBeGreaterThan(0);
    expect(await countOthers(through)).toBe(0);
  } finally {
    await pooled.stop();
  }
});

it.each([
  ["in session mode", { pool_mode: "session" }],
  ["that discards everything after each transaction", { server_reset_query_always: 1 }],
])("a pooler %s serves as well", async (_, settings) => {
  const pooled = await startPgbouncer(direct.hosts[0]!.port, settings);
  const store = await openStore(behind(pooled), { inFlight: () => 0 });
  const { session } = await signIn(store);
  expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toMatchObject({ session });
  await store.close();
  await pooled.stop();
});

async function refusalOf(refused: PostgresLocation): Promise<string> {
  const opened = openStore(refused, { inFlight: () => 0 });
  return await opened.then(
    async (store) => {
      await store.close();
      return "not refused";
    },
    (error: unknown) => explain(error),
  );
}

it("a start through a pooler without the setting is refused with the setting", async () => {
  expect(await refusalOf({ ...location, pooler: "none" })).toMatch(
    /^A pooler is in front of PostgreSQL: set LATCHKEY_DATABASE_POOLER=transaction \(.*unsupported startup parameter.*\)\.$/,
  );
});

it("a start without the setting through a pooler that ignores start-up options is refused with the setting", async () => {
  const ignoring = await startPgbouncer(direct.hosts[0]!.port, { ignore_startup_parameters: "options" });
  const refusal = await refusalOf({ ...behind(ignoring), pooler: "none" });
  await ignoring.stop();
  expect(refusal).toMatch(/^A pooler is in front of PostgreSQL: set LATCHKEY_DATABASE_POOLER=transaction \(.*\)\.$/);
});

it("a start through a pooler that allows no transactions is refused with its setting", async () => {
  const single = await startPgbouncer(direct.hosts[0]!.port, { pool_mode: "statement" });
  const refusal = await refusalOf(behind(single));
  await single.stop();
  expect(refusal).toMatch(
    /^The pooler in front of PostgreSQL allows no transactions: set its pool_mode to transaction \(.*\)\.$/,
  );
});

it("a start where a transaction can't set synchronous_commit is refused in one sentence, and nothing is created", async () => {
  const empty = directly(await databases.createEmpty());
  await query(
    empty,
    `CREATE FUNCTION public.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT $2';
    ALTER DATABASE ${empty.database} SET search_path = public, pg_catalog`,
  );
  expect(await refusalOf({ ...location, database: empty.database })).toBe(
    `PostgreSQL: the pooler in front of the server at 127.0.0.1:${pooler.port} does not let a transaction set synchronous_commit, so a ` +
      "loss of power could make used codes valid again: connect to the server itself, with LATCHKEY_DATABASE_POOLER=none.",
  );
  expect(await query(empty, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
});

it("a start where transactions are not READ COMMITTED by default is refused in one sentence, and nothing is created", async () => {
  const empty = directly(await databases.createEmpty());
  await query(empty, `ALTER DATABASE ${empty.database} SET default_transaction_isolation = 'repeatable read'`);
  expect(await refusalOf({ ...location, database: empty.database })).toBe(
    `PostgreSQL: the server at 127.0.0.1:${pooler.port} has repeatable read as default_transaction_isolation, which can't be changed ` +
      "through a pooler: set it to 'read committed' with ALTER ROLE or ALTER DATABASE, then let the pooler reconnect.",
  );
  expect(await query(empty, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
});

it("of five migrations at once through a pooler one creates the tables, and all end well", async () => {
  const pooled = await startPgbouncer(direct.hosts[0]!.port);
  const empty = await databases.createEmpty();
  const through = { ...behind(pooled), database: empty.database };
  const applied = await Promise.all(times(5, () => migrate(through)));
  await pooled.stop();
  expect(applied.flat().toSorted((a, b) => a - b)).toEqual([...new Set(applied.flat())].toSorted((a, b) => a - b));
});

it.each([
  ["a wrong password", { password: "wrong" }, "PostgreSQL rejects the login"],
  ["an unknown database", { database: "nowhere" }, "PostgreSQL has no database with that name"],
])("a start through a pooler with %s is refused as without one", async (_, wrong, said) => {
  for (const refused of [
    { ...location, ...wrong },
    { ...direct, ...wrong },
  ])
    expect(await refusalOf(refused)).toContain(said);
});

it("a start through a pooler that can't reach the server is refused with what to check", async () => {
  const lost = await startPgbouncer(1, { client_login_timeout: 1 });
  const refusal = await refusalOf(behind(lost));
  await lost.stop();
  expect(refusal).toContain("The pooler can't reach PostgreSQL: check that it is running");
});
