import type pg from "pg";
import type { EpochMs } from "../../model/time.js";
import type { SchemaState } from "../rules/schema-version.js";
import { clocksAgree } from "./clocks.js";
import { withClient } from "./connection.js";
import { hasFunctions } from "./functions/install.js";
import type { PostgresLocation } from "./location.js";
import { schemaOf } from "./migrate.js";
import { applicationName } from "./server.js";

/** Facts about a server and one of its databases. Reading them changes nothing. */
export interface Inspection {
  readonly serverVersion: string;
  readonly schema: SchemaState;
  /** Whether the database has this program's functions. */
  readonly hasFunctions: boolean;
  /** Whether the server is set to read-only. Connections to a standby are refused. */
  readonly readOnly: boolean;
  readonly connectionsMax: number;
  readonly encoding: string;
  /** Whether flushed data survives a loss of power. */
  readonly durable: boolean;
  /** How long an unflushed commit may take to reach the disk. */
  readonly flushedWithinMs: number;
  /** Whether the clocks of the server and this machine agree. */
  readonly clocksAgree: boolean;
}

/** Throws `StoreUnavailableError` if the server can't be reached. */
export function inspect(location: PostgresLocation): Promise<Inspection> {
  return withClient(location, async (client) => {
    const askedAt = Date.now();
    const { rows } = await client.query(`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock,
      current_setting('server_version') AS version,
      current_setting('transaction_read_only') = 'on' AS read_only, current_setting('max_connections')::int AS connections,
      current_setting('server_encoding') AS encoding,
      coalesce(current_setting('fsync', true), 'on') = 'on' AS durable,
      coalesce((SELECT 3 * setting::int FROM pg_settings WHERE name = 'wal_writer_delay'), 0) AS flushed_within`);
    const answeredAt = Date.now();
    const [row] = rows as [
      {
        clock: EpochMs;
        version: string;
        read_only: boolean;
        connections: number;
        encoding: string;
        durable: boolean;
        flushed_within: number;
      },
    ];
    return {
      serverVersion: row.version,
      schema: await schemaOf(client),
      hasFunctions: await hasFunctions(client),
      readOnly: row.read_only,
      connectionsMax: row.connections,
      encoding: row.encoding,
      durable: row.durable,
      flushedWithinMs: row.flushed_within,
      clocksAgree: clocksAgree(row.clock, { askedAt, answeredAt }),
    };
  });
}

/** How long recently closed connections may stay in the server's list. */
const partingMs = 2_000;
/** A running service uses its database every second. */
const restMs = 2_500;

const others = `SELECT count(*)::int AS others FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = $1 AND pid <> pg_backend_pid()`;

/**
 * Returns how many other Latchkey connections are open to a database. Returns 0 as soon as there are none. A running service
 * always has one, because it checks its database for readiness.
 */
export function countOthers(location: PostgresLocation): Promise<number> {
  return withClient(location, location.pooler === "none" ? countOpen : countUsed);
}

async function countOpen(client: pg.Client): Promise<number> {
  const giveUpAt = performance.now() + partingMs;
  for (;;) {
    const { rows } = await client.query(others, [applicationName]);
    const [{ others: count }] = rows as [{ others: number }];
    if (count === 0 || performance.now() > giveUpAt) return count;
    await pause();
  }
}

/** A pooler keeps connections open that no process uses. In a transaction this process uses no other than its own. */
async function countUsed(client: pg.Client): Promise<number> {
  await client.query("BEGIN");
  const { rows: clock } = await client.query("SELECT clock_timestamp()::text AS since");
  const [{ since }] = clock as [{ since: string }];
  const giveUpAt = performance.now() + restMs;
  for (;;) {
    // A transaction keeps what it has read of this view.
    await client.query("SELECT pg_stat_clear_snapshot()");
    const { rows } = await client.query(`${others} AND state_change > $2::timestamptz`, [applicationName, since]);
    const [{ others: count }] = rows as [{ others: number }];
    if (count > 0 || performance.now() > giveUpAt) {
      await client.query("ROLLBACK");
      return count;
    }
    await pause();
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));
