import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import pg from "pg";
import { afterAll, inject } from "vitest";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { migrate } from "../../src/store/postgres/migrate.js";
import { initialDirectory } from "../../src/store/postgres/schema/directory.js";
import type { FoundServer } from "./postgres-server.js";

/** Makes databases on the run's PostgreSQL server, and drops them when the test file is done. */
export interface TestDatabases {
  /** A new database with the schema, which is copied and not migrated. */
  create(): Promise<PostgresLocation>;
  /** A new database with nothing in it. */
  createEmpty(encoding?: string): Promise<PostgresLocation>;
  /** Makes a database that `create` made as it was, which is faster than making another. */
  empty(location: PostgresLocation): Promise<void>;
  /** Empties a database and lets `create` give it out again. */
  recycle(location: PostgresLocation): Promise<void>;
}

export function testDatabases(): TestDatabases {
  let admin: Promise<{ client: pg.Client; server: PostgresLocation }> | undefined;
  let template: Promise<PostgresLocation> | undefined;
  const made = new Set<string>();
  const spare: PostgresLocation[] = [];

  const connected = () => {
    admin ??= (async () => {
      const { url, poolerPort } = await foundServer();
      const direct = locationOf(url);
      if (poolerPort === null) return { client: await clientOf(direct), server: direct };
      serverBehind.set(poolerPort, portOf(url));
      const server: PostgresLocation = { ...at(direct, { host: "127.0.0.1", port: poolerPort }), pooler: "transaction" };
      return { client: await clientOf(direct), server };
    })();
    return admin;
  };

  async function createFrom(source: string, encoding = "UTF8"): Promise<PostgresLocation> {
    const { client, server } = await connected();
    const database = `latchkey_test_${randomBytes(8).toString("hex")}`;
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${source} ENCODING '${encoding}' LOCALE 'C'`);
    made.add(database);
    return { ...server, database };
  }

  afterAll(async () => {
    if (admin === undefined) return;
    const { client } = await admin;
    for (const database of made) await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
    await client.end();
  });

  async function empty(location: PostgresLocation): Promise<void> {
    // On tables of a few rows, DELETE takes a fraction of the time of TRUNCATE, which makes new files for each table and index.
    // Numbers of messages go on, because an open store does not look below those that it has seen.
    const emptyAll = `DO $$ DECLARE name text; BEGIN
      FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename NOT IN ('schema_migrations', 'function_sets')
      LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
      PERFORM setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences WHERE sequencename <> 'outbox_outbox_id_seq';
    END $$`;
    await query(location, `${emptyAll}; ${initialDirectory}`);
  }

  return {
    async create() {
      const recycled = spare.pop();
      if (recycled !== undefined) return recycled;
      template ??= createFrom("template0").then(async (location) => {
        // No connection of a pooler may be left to a database that is copied.
        await migrate(directly(location));
        return location;
      });
      return await createFrom((await template).database);
    },
    createEmpty: (encoding) => createFrom("template0", encoding),
    empty,
    async recycle(location) {
      await empty(location);
      spare.push(location);
    },
  };
}

/** The ports of servers by those of their poolers. */
const serverBehind = new Map<number, number>();

/** The same database without the pooler in front of it, for what the tests do themselves. */
export function directly(location: PostgresLocation): PostgresLocation {
  const port = serverBehind.get(location.hosts[0]!.port);
  return port === undefined ? location : { ...at(location, { port }), pooler: "none" };
}

/** As the tests' own user, on a connection of its own. */
export async function query<Row>(location: PostgresLocation, sql: string, values: readonly unknown[] = []): Promise<Row[]> {
  const client = await clientOf(location);
  try {
    return (await client.query(sql, [...values])).rows as Row[];
  } finally {
    await client.end();
  }
}

/** A location as `LATCHKEY_DATABASE_URL` writes it. */
export function urlOf({ hosts, user, password, database }: PostgresLocation): string {
  const servers = hosts.map(({ host, port }) => `${host}:${port}`).join(",");
  return `postgres://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${servers}/${database}?sslmode=disable`;
}

/** A client of the tests' own, at the first host. */
export async function clientOf(location: PostgresLocation): Promise<pg.Client> {
  const { hosts, user, password, database } = directly(location);
  const client = new pg.Client({ ...hosts[0], user, password, database });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Where a server's URL says that it is, without TLS. */
export function locationOf(url: string): PostgresLocation {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    kind: "postgres",
    hosts: [{ host: hostname, port: Number(port || 5432) }],
    role: "primary",
    readHosts: [],
    readWriteOnly: false,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    readLogin: null,
    passfile: null,
    database: pathname.slice(1),
    sslmode: "disable",
    sslrootcert: null,
    sslcert: null,
    sslkey: null,
    poolMax: 10,
    pooler: "none",
  };
}

export const portOf = (url: string): number => locationOf(url).hosts[0]!.port;

/** The same on another host, or at another port. */
export function at(location: PostgresLocation, changes: { readonly host?: string; readonly port?: number }): PostgresLocation {
  return { ...location, hosts: [{ ...location.hosts[0]!, ...changes }] };
}

async function foundServer(): Promise<FoundServer> {
  const answer = await text(connect(inject("postgresDesk"), "127.0.0.1"));
  if (answer.startsWith("failed: ")) throw new Error(`no PostgreSQL server for the tests: ${answer.slice("failed: ".length)}`);
  return JSON.parse(answer) as FoundServer;
}
