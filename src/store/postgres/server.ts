import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import type { ConnectionOptions as TlsOptions } from "node:tls";
import pg, { type ClientConfig } from "pg";
import type { PostgresHost, PostgresLocation, PostgresLogin } from "./location.js";
import type { SessionSettings } from "./pooler.js";
import { isolation, prepare, prepareBehindPooler } from "./session.js";

/** One address at which a server may listen. */
export interface Server extends PostgresHost {
  /** The resolved address of the host, or the directory of a Unix socket. */
  readonly address: string;
}

/** The `application_name` of Latchkey's connections. */
export const applicationName = "latchkey";

const int8 = 20;
const int8Array = 1016;

/** Read times and counts as numbers: milliseconds since 1970 are far below 2^53. */
const types: ClientConfig["types"] = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === int8) return Number;
    if (oid === int8Array) return (text: string) => (text === "{}" ? [] : text.slice(1, -1).split(",").map(Number));
    return format === "binary" ? pg.types.getTypeParser(oid, format) : pg.types.getTypeParser(oid, "text");
  },
};

export interface ConnectionOptions {
  readonly settings: SessionSettings;
  /** After this time no answer of the server is expected any more. */
  readonly answerTimeoutMs?: number;
}

/**
 * Connects to one server. Throws if it can't be reached in time, accepts no writes, or does not take the settings. Reads its
 * files anew for each connection.
 */
export async function connectTo(
  { host, port, address }: Server,
  location: PostgresLocation,
  given: { readonly login: PostgresLogin; readonly options: ConnectionOptions; readonly timeoutMs: number },
): Promise<pg.Client> {
  const { user, password } = given.login;
  const { settings, answerTimeoutMs } = given.options;
  const client = new pg.Client({
    application_name: applicationName,
    // Poolers refuse these options, or ignore them.
    options: location.pooler === "none" ? optionsOf({ default_transaction_isolation: isolation, ...settings }) : undefined,
    keepAlive: true,
    types,
    query_timeout: answerTimeoutMs,
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
    // Ending the connection ends the wait for an answer.
    const timer = setTimeout(() => void client.end().catch(() => {}), checkTimeoutMs);
    const prepared = location.pooler === "none" ? prepare : prepareBehindPooler;
    await prepared(client, location, settings).finally(() => clearTimeout(timer));
    return client;
  } catch (error) {
    void client.end().catch(() => {});
    throw error;
  }
}

function optionsOf(settings: SessionSettings): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(" ", "\\ ")}`)
    .join(" ");
}

const checkTimeoutMs = 1_000;

function tlsOptions(host: string, { sslmode, sslrootcert, sslcert, sslkey }: PostgresLocation): TlsOptions | false {
  if (sslmode === "disable") return false;
  const read = (path: string | null) => (path === null ? undefined : readFileSync(path, "utf8"));
  const options: TlsOptions = { host, cert: read(sslcert), key: read(sslkey) };
  // The driver knows only the address. SNI must not contain addresses (RFC 6066 §3).
  if (isIP(host) === 0) options.servername = host;
  if (sslmode === "require") return { ...options, rejectUnauthorized: false };
  const ca = read(sslrootcert);
  return sslmode === "verify-ca" ? { ...options, ca, checkServerIdentity: () => undefined } : { ...options, ca };
}
