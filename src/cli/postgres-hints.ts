import { codeOf } from "../lib/error-code.js";
import { StoreUnavailableError } from "../store/port/errors.js";

/** A move names its target on the command line. */
const url = "LATCHKEY_DATABASE_URL (or --to)";
const unreachable = `PostgreSQL can't be reached: check that it runs, and that host and port in ${url} are those at which it listens`;
const refused = `PostgreSQL does not let the user in: correct user and password in ${url}, or allow that user in the server's pg_hba.conf`;
const strangeAuthority = `the certificate of PostgreSQL is signed by nobody that is trusted here: name the PEM file of its authority as sslrootcert in ${url}`;

/** By the codes of a connection that did not come about: those of Node.js, and SQLSTATE. */
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
  "3D000": `PostgreSQL has no database of that name: make it with createdb, or correct the name in ${url}`,
  "53300": `PostgreSQL has no connection left: close others, raise its max_connections, or lower LATCHKEY_DATABASE_POOL of the processes that share the database of ${url}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: strangeAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: strangeAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: strangeAuthority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: strangeAuthority,
  CERT_HAS_EXPIRED: `the certificate of PostgreSQL at ${url} has expired: have the server's renewed`,
  ERR_TLS_CERT_ALTNAME_INVALID: `the certificate of PostgreSQL is another host's: write the host in ${url} as the certificate has it`,
};

/** The driver has no codes for what it says itself. */
const ofDriver: readonly (readonly [message: RegExp, hint: string])[] = [
  [
    /does not support SSL/,
    `PostgreSQL has TLS off: turn it on with ssl = on, or, on a network that you trust, add sslmode=disable to ${url}`,
  ],
  [
    /is a standby|is read-only/,
    `PostgreSQL takes no writes there: name the primary server in ${url}, or all servers as host1:5432,host2:5432`,
  ],
  [/timeout/, unreachable],
];

const lacksRights = `the user of ${url} lacks a right: let it own the database, or a schema of its own that is first in its search_path`;

/** What to do about a refusal of PostgreSQL; undefined: it is none, or its own message says enough. */
export function postgresHint(error: Error): string | undefined {
  if (codeOf(error) === "42501") return lacksRights;
  if (!(error instanceof StoreUnavailableError) || !(error.cause instanceof Error)) return undefined;
  // Several servers, or one at several addresses, fail with an error each. One that can't be reached says least.
  const causes: unknown[] = error.cause instanceof AggregateError ? error.cause.errors : [error.cause];
  const hints = causes.flatMap((cause) => hintOf(cause) ?? []);
  return hints.find((hint) => hint !== unreachable) ?? hints[0];
}

function hintOf(cause: unknown): string | undefined {
  if (!(cause instanceof Error)) return undefined;
  return ofConnections[codeOf(cause)] ?? ofDriver.find(([message]) => message.test(cause.message))?.[1];
}
