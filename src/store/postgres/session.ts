import type pg from "pg";
import type { PostgresLocation } from "./location.js";
import { perTransaction, type SessionSettings } from "./pooler.js";

/** Each statement and each step of a function must see what was committed before it began. */
export const isolation = "read committed";

/**
 * Commits wait for the disk and for each synchronous standby's disk, whatever the server's default is. Otherwise a loss of
 * power could make a used code valid again. `remote_apply`, which waits for more, stays.
 */
const waitForDisk = `CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
  THEN set_config('synchronous_commit', 'on', false) END`;

/** Prepares a connection to the server itself. Throws if that server must not be used. */
export async function prepare(client: pg.Client, location: PostgresLocation, settings: SessionSettings): Promise<void> {
  const { rows } = await client.query(`SELECT ${role}, current_setting('enable_seqscan') AS enable_seqscan, ${waitForDisk}`);
  const [row] = rows as [Role & { enable_seqscan: string }];
  refuseRole(client, location, row);
  // Without its options a connection has no time limits either.
  if ((settings.enable_seqscan ?? row.enable_seqscan) === row.enable_seqscan) return;
  throw new Error(`a pooler in front of ${whereIs(client)} drops the start-up options`);
}

/** Values that no server has by default. They show whether settings act until the end of their transaction. */
const probe = { synchronous_commit: "local", lock_timeout: "7777ms" };

/** Prepares a connection to a pooler: from now on each transaction begins with `settings`. Throws if they can't act. */
export async function prepareBehindPooler(
  client: pg.Client,
  location: PostgresLocation,
  settings: SessionSettings,
): Promise<void> {
  const ask = perTransaction(client, probe);
  const { rows } = await ask(`SELECT ${role}, current_setting('default_transaction_isolation') AS isolation,
    current_setting('synchronous_commit') AS synchronous_commit, current_setting('lock_timeout') AS lock_timeout,
    (SELECT s.reset_val FROM pg_settings s WHERE s.name = 'synchronous_commit') AS by_default`);
  const [row] = rows as [Role & typeof probe & { isolation: string; by_default: string }];
  refuseRole(client, location, row);
  if (row.synchronous_commit !== probe.synchronous_commit || row.lock_timeout !== probe.lock_timeout) {
    throw new Error(
      `the pooler in front of ${whereIs(client)} does not let a transaction set synchronous_commit, so a loss of power could make used ` +
        "codes valid again: connect to the server itself, with LATCHKEY_DATABASE_POOLER=none",
    );
  }
  if (row.isolation !== isolation) {
    throw new Error(
      `${whereIs(client)} has ${row.isolation} as default_transaction_isolation, which can't be changed through a pooler: set it to ` +
        `'${isolation}' with ALTER ROLE or ALTER DATABASE, then let the pooler reconnect`,
    );
  }
  const durable = row.by_default === "remote_apply" ? row.by_default : "on";
  client.query = perTransaction(client, { ...settings, synchronous_commit: durable }) as typeof client.query;
}

interface Role {
  readonly standby: boolean;
  readonly read_only: boolean;
}

const role = "pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only";

/** In the place of a primary, a standby serves no reads either: it may lag behind, so that a revoked session would still look live. */
function refuseRole(client: pg.Client, location: PostgresLocation, { standby, read_only }: Role): void {
  if (location.role === "standby") {
    if (!standby) throw new Error(`${whereIs(client)} is not a standby`);
    return;
  }
  if (standby) throw new Error(`${whereIs(client)} is a standby`);
  if (read_only && location.readWriteOnly) throw new Error(`${whereIs(client)} is read-only`);
}

const whereIs = (client: pg.Client): string => `the server at ${client.host}:${client.port}`;
