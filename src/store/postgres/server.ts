import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions } from "node:tls";
import pg, { type ClientConfig } from "pg";
import type { PostgresHost, PostgresLocation, PostgresLogin } from "./location.js";

/** One address at which a server may listen. */
export interface Server extends PostgresHost {
  /** The resolved address of the host, or the directory of a Unix socket. */
  readonly address: string;
}

/**
 * Connects to one server. Throws if it can't be reached in time or accepts no writes. Reads its files anew for each connection.
 */
export async function connectTo(
  { host, port, address }: Server,
  location: PostgresLocation,
  given: { readonly login: PostgresLogin; readonly options: ClientConfig; readonly timeoutMs: number },
): Promise<pg.Client> {
  const { user, password } = given.login;
  const client = new pg.Client({
    ...given.options,
    host: address,
    port,
    user,
    // An empty password keeps the driver from looking for one in the environment.
    password: password === "" ? () => "" : password,
    database: location.database,
    ssl: tlsOptions(host, location),
    connectionTimeoutMillis: given.timeoutMs,
  });
  // An error that ends the connection also fails its query. Without this listener it would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await prepare(client, location);
    return client;
  } catch (error) {
    void client.end().catch(() => {});
    throw error;
  }
}

/**
 * Commits wait for the disk and for each synchronous standby's disk, whatever the server's default is. Otherwise a loss of
 * power could make a used code valid again. `remote_apply`, which waits for more, stays.
 */
const waitForDisk = `CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply')
  THEN set_config('synchronous_commit', 'on', false) END`;

/** Standbys serve no reads either: they may lag behind, so that a revoked session would still look live. */
async function prepare(client: pg.Client, { readWriteOnly }: PostgresLocation): Promise<void> {
  // Ending the connection ends the wait for an answer.
  const timer = setTimeout(() => void client.end().catch(() => {}), checkTimeoutMs);
  const asked = client.query<{ standby: boolean; read_only: boolean }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only, ${waitForDisk}`,
  );
  const { rows } = await asked.finally(() => clearTimeout(timer));
  const where = `the server at ${client.host}:${client.port}`;
  if (rows[0]!.standby) throw new Error(`${where} is a standby`);
  if (rows[0]!.read_only && readWriteOnly) throw new Error(`${where} is read-only`);
}

const checkTimeoutMs = 1_000;

function tlsOptions(host: string, { sslmode, sslrootcert, sslcert, sslkey }: PostgresLocation): ConnectionOptions | false {
  if (sslmode === "disable") return false;
  const read = (path: string | null) => (path === null ? undefined : readFileSync(path, "utf8"));
  const options: ConnectionOptions = { host, cert: read(sslcert), key: read(sslkey) };
  // The driver knows only the address. SNI must not contain addresses (RFC 6066 §3).
  if (isIP(host) === 0) options.servername = host;
  if (sslmode === "require") return { ...options, rejectUnauthorized: false };
  const ca = read(sslrootcert);
  return sslmode === "verify-ca" ? { ...options, ca, checkServerIdentity: () => undefined } : { ...options, ca };
}
