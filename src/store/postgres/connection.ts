import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import type { ClientConfig } from "pg";
import pg from "pg";
import { translated, unavailableError } from "./errors.js";

/** Where a PostgreSQL database is. */
export interface PostgresLocation {
  readonly kind: "postgres";
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty: none. */
  readonly password: string;
  readonly database: string;
  /** As in libpq: `require` encrypts and believes any certificate, `verify-ca` any that is signed, `verify-full` the host's alone. */
  readonly sslmode: "disable" | "require" | "verify-ca" | "verify-full";
  /** PEM file of the authorities that may sign the server's certificate; null: those that Node.js knows. */
  readonly sslrootcert: string | null;
  /** How many connections this process may hold. */
  readonly poolMax: number;
}

/**
 * Commits wait for the disk, and for the disk of each synchronous standby, whatever the server's default is: a loss of power must not
 * bring a used code back. `remote_apply`, which waits for more, stays.
 */
const waitForDisk = `SELECT set_config('synchronous_commit', 'on', false)
  WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')`;

/** What our connections are called in the server's list of them. */
export const applicationName = "latchkey";

/** How long to wait for a connection, a new one or one of the pool: a caller is told within this time that there is none. */
const connectTimeoutMs = 2_500;
/** How long one operation may wait for a racer's lock; among several that wait for one lock, each once more when the one before gave up. */
const lockTimeoutMs = 3_000;
/** How long one operation may take at all. */
const statementTimeoutMs = 4_000;
/** Past this time the server itself is not expected to answer any more. */
const answerTimeoutMs = 6_000;

const int8 = 20;
const int8Array = 1016;

/** Times and counts come as numbers: milliseconds since 1970 are far from where numbers lose digits. */
const types: ClientConfig["types"] = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === int8) return Number;
    if (oid === int8Array) return (text: string) => (text === "{}" ? [] : text.slice(1, -1).split(",").map(Number));
    return format === "binary" ? pg.types.getTypeParser(oid, format) : pg.types.getTypeParser(oid, "text");
  },
};

const isolation = "-c default_transaction_isolation=read\\ committed";

/** Options of every connection to a database. Throws when `sslrootcert` can't be read. */
export function connectionOptions(location: PostgresLocation): ClientConfig {
  const { host, port, user, password, database } = location;
  return {
    host,
    port,
    user,
    // An empty one keeps the driver from looking for a password in the environment.
    password: password === "" ? () => "" : password,
    database,
    ssl: tlsOptions(location),
    application_name: applicationName,
    options: isolation,
    keepAlive: true,
    types,
    connectionTimeoutMillis: connectTimeoutMs,
  };
}

const planning = "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan -c jit=off";

/**
 * Options of connections that serve operations. Tables that just now were empty have statistics that make whole-table scans look
 * cheap; every statement here has an index, so scans are left to where there is none, and are not compiled (jit) for looking dear.
 * These are settings of PostgreSQL's own planner: a server that only speaks its protocol may want `options` without them.
 */
export function operationOptions(location: PostgresLocation): pg.PoolConfig {
  return {
    ...connectionOptions(location),
    max: location.poolMax,
    idleTimeoutMillis: 60_000,
    statement_timeout: statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    query_timeout: answerTimeoutMs,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    options: `${isolation} ${planning}`,
    onConnect: async (client) => void (await client.query(waitForDisk)),
  };
}

function tlsOptions({ host, sslmode, sslrootcert }: PostgresLocation): ConnectionOptions | false {
  if (sslmode === "disable") return false;
  if (sslmode === "require") return { rejectUnauthorized: false };
  const ca = sslrootcert === null ? undefined : readFileSync(sslrootcert, "utf8");
  return sslmode === "verify-ca" ? { ca, checkServerIdentity: () => undefined } : { ca, host };
}

/** Does work on a connection of its own, without the time limits of operations: a migration may take long, and others wait for it. */
export async function withClient<T>(location: PostgresLocation, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connectionOptions(location));
  // What ends the connection fails the query under way too.
  client.on("error", () => {});
  try {
    await client.connect().catch((error: unknown) => Promise.reject(unavailableError(error)));
    await client.query(waitForDisk);
    return await work(client);
  } catch (error) {
    throw translated(error);
  } finally {
    await client.end().catch(() => {});
  }
}
