import { codeOf } from "../lib/error-code.js";
import { StoreUnavailableError } from "../store/port/errors.js";

/** `--to` is named because a move has its target on the command line. */
const url = "LATCHKEY_DATABASE_URL (or --to)";
const unreachable = `PostgreSQL can't be reached: check that it is running, and that ${url} has the host and port that it listens on`;
const refused = `PostgreSQL rejects the login: correct user and password in ${url}, or allow that user in the server's pg_hba.conf`;
const noDatabase = `PostgreSQL has no database with that name: create it with createdb, or correct the name in ${url}`;
const unreachableByPooler =
  "the pooler can't reach PostgreSQL: check that it is running, and that the pooler's settings have the host and port that it listens on";
const strangeAuthority = `the certificate of PostgreSQL is not signed by a trusted authority: name the PEM file of its authority as sslrootcert in ${url}`;

/** Hints by the code of a failed connection: those of Node.js, and SQLSTATE. */
const ofConnections: Readonly<Record<string, string>> = {
  ECONNREFUSED: unreachable,
  ECONNRESET: unreachable,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: unreachable,
  ENOTFOUND: unreachable,
  EAI_AGAIN: unreachable,
  "28000": refused,
  "28P01": refused,
  "3D000": noDatabase,
  "53300": `PostgreSQL has no free connection: close others, raise its max_connections, or lower LATCHKEY_DATABASE_POOL of the processes that share the database of ${url}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: strangeAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: strangeAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: strangeAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: strangeAuthority,
  CERT_HAS_EXPIRED: `the certificate of PostgreSQL at ${url} has expired: renew the server's certificate`,
  ERR_TLS_CERT_ALTNAME_INVALID: `the certificate of PostgreSQL is for another host: write the host in ${url} as in the certificate`,
};

/** Hints by the messages of the driver, which have no codes, and of PgBouncer, which all have the same one. */
const ofMessages: readonly (readonly [message: RegExp, hint: string])[] = [
  [
    /does not support SSL/,
    `PostgreSQL has TLS off: turn it on with ssl = on or, on a network that you trust, add sslmode=disable to ${url}`,
  ],
  [
    /is a standby|is read-only/,
    `this PostgreSQL server accepts no writes: name the primary server in ${url}, or all servers as host1:5432,host2:5432`,
  ],
  [
    /unsupported startup parameter|drops the start-up options/,
    "a pooler is in front of PostgreSQL: set LATCHKEY_DATABASE_POOLER=transaction",
  ],
  [/statement pooling mode/, "the pooler in front of PostgreSQL allows no transactions: set its pool_mode to transaction"],
  [/ authentication failed/, refused],
  [/^database ".*" does not exist/, noDatabase],
  [/server down|cannot connect to server|server login has been failing/, unreachableByPooler],
  [/timeout/, unreachable],
];

const lacksRights = `the user of ${url} lacks a privilege: make it the owner of the database, or of a schema that is first in its search_path`;

/**
 * Returns what to do about an error of PostgreSQL. Returns undefined for other errors, or if the error's own message is enough.
 */
export function postgresHint(error: Error): string | undefined {
  if (codeOf(error) === "42501") return lacksRights;
  if (!(error instanceof StoreUnavailableError) || !(error.cause instanceof Error)) return undefined;
  // Several servers, or one server at several addresses, fail with one error each. `unreachable` says least, so prefer another
  // hint.
  const causes: unknown[] = error.cause instanceof AggregateError ? error.cause.errors : [error.cause];
  const hints = causes.flatMap((cause) => hintOf(cause) ?? []);
  return hints.find((hint) => hint !== unreachable) ?? hints[0];
}

function hintOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return ofConnections[codeOf(cause)] ?? ofMessages.find(([message]) => message.test(cause.message))?.[1];
}
