import { isLoopback } from "../listen.js";
import { Secret } from "../secret.js";
import { SettingError } from "./setting.js";

const sslmodes = ["disable", "require", "verify-ca", "verify-full"] as const;

export interface PostgresUrl {
  readonly kind: "postgres";
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Null: none. */
  readonly password: Secret<string> | null;
  readonly database: string;
  readonly sslmode: (typeof sslmodes)[number];
  /** The path of a PEM file; null: the authorities that Node.js knows. */
  readonly sslrootcert: string | null;
}

const form = "must be postgres://user:password@host:5432/database?sslmode=verify-full";

/** Reads a PostgreSQL URL. No message repeats any part of it but the names of parameters that exist. */
export function parsePostgresUrl(text: string): PostgresUrl {
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new SettingError(`${form}; write "/", "?", "#" and "@" in a password as %2F, %3F, %23 and %40`);
  }
  const url = new URL(text);
  if (url.hash !== "") throw new SettingError(`${form}: no fragment; write "#" in a password as %23`);
  const parameters = readParameters(url.search.slice(1));
  const host = parameters.get("host") ?? decode(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const isSocket = host.startsWith("/");
  if (host === "" || (!isSocket && !/^[A-Za-z0-9._:-]+$/.test(host))) {
    throw new SettingError(
      `${form}: the host is missing or no plain host name; a Unix socket is localhost with ?host=/directory`,
    );
  }
  if (url.port === "0") throw new SettingError(`${form}: the port must be from 1 to 65535`);
  const [user, password, database] = [decode(url.username), decode(url.password), decode(url.pathname.slice(1))];
  if (user === "") throw new SettingError(`${form}: the user is missing`);
  if (database === "" || database.includes("/"))
    throw new SettingError(`${form}: the name of the database is missing or no name`);
  return {
    kind: "postgres",
    host,
    port: url.port === "" ? 5432 : Number(url.port),
    user,
    password: password === "" ? null : new Secret(password),
    database,
    ...readTls(parameters, isSocket || isLoopback(host)),
  };
}

/** On this machine nobody listens in; elsewhere the default is the mode that nobody can, and to have less has to be written down. */
function readTls(parameters: ReadonlyMap<string, string>, isLocal: boolean): Pick<PostgresUrl, "sslmode" | "sslrootcert"> {
  const text = parameters.get("sslmode") ?? (isLocal ? "disable" : "verify-full");
  const sslmode = sslmodes.find((mode) => mode === text);
  if (sslmode === undefined) throw new SettingError("must have disable, require, verify-ca or verify-full as `sslmode`");
  const sslrootcert = parameters.get("sslrootcert") ?? null;
  if (sslrootcert === "") throw new SettingError("must have the path of a PEM file as `sslrootcert`");
  if (sslrootcert !== null && !sslmode.startsWith("verify-")) {
    throw new SettingError(
      "has `sslrootcert`, which verify-ca and verify-full alone use: set sslmode to one of them, or drop it",
    );
  }
  return { sslmode, sslrootcert };
}

const known = ["host", "sslmode", "sslrootcert"];

function readParameters(search: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name = "", ...value] = pair.split("=");
    if (!known.includes(name)) {
      throw new SettingError("has a parameter other than `sslmode`, `sslrootcert` and `host`: drop it");
    }
    if (parameters.has(name)) throw new SettingError(`has the parameter \`${name}\` twice: drop one`);
    parameters.set(name, decode(value.join("=")));
  }
  return parameters;
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new SettingError('must have its special characters percent-encoded: "%" itself is %25');
  }
  if (decoded.includes("\0")) throw new SettingError(form);
  return decoded;
}
