import { isLoopback } from "../lib/listen.js";
import { Secret } from "../lib/secret.js";
import { percentDecoded } from "./password-hint.js";
import { SettingError } from "./setting.js";

const sslmodes = ["disable", "require", "verify-ca", "verify-full"] as const;

export interface PostgresHost {
  /** A name, an address, or the directory of a Unix socket. */
  readonly host: string;
  readonly port: number;
}

/** The paths of TLS files. Null: no such file. */
export interface PostgresTls {
  readonly sslmode: (typeof sslmodes)[number];
  /** Certificates of the trusted authorities. Null: those that Node.js trusts. */
  readonly sslrootcert: string | null;
  /** The client's certificate. It is null exactly if `sslkey` is null. */
  readonly sslcert: string | null;
  readonly sslkey: string | null;
}

export interface PostgresUrl extends PostgresTls {
  readonly kind: "postgres";
  /** At least one. */
  readonly hosts: readonly PostgresHost[];
  /** Whether to skip servers that refuse writes. */
  readonly readWriteOnly: boolean;
  readonly user: string;
  /** Null: there is no password. */
  readonly password: Secret<string> | null;
  /** Path of a file with passwords, in the format of libpq's `.pgpass`. Null: no such file. */
  readonly passfile: string | null;
  readonly database: string;
}

const form = "must be postgres://user:password@host:5432/database?sslmode=verify-full";
const parts = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^@/?#]*)(?:\/([^/?#]*))?(?:\?([^#]*))?$/;

/** Reads a PostgreSQL URL. Messages repeat nothing of it except the names of known parameters. */
export function parsePostgresUrl(text: string): PostgresUrl {
  const match = parts.exec(text);
  if (match === null) throw new SettingError(form);
  const [, login = "", authority = "", path = "", search = ""] = match;
  const parameters = readParameters(search);
  const hosts = readHosts(authority, parameters.get("host"));
  const colon = login.indexOf(":");
  const user = decode(colon < 0 ? login : login.slice(0, colon));
  const password = colon < 0 ? "" : decode(login.slice(colon + 1));
  const database = decode(path);
  if (user === "") throw new SettingError(`${form}: the user is missing`);
  if (database === "" || database.includes("/")) {
    throw new SettingError(`${form}: the database name is missing or contains a slash`);
  }
  return {
    kind: "postgres",
    hosts,
    readWriteOnly: readTarget(parameters.get("target_session_attrs")) || hosts.length > 1,
    user,
    password: password === "" ? null : new Secret(password),
    passfile: readPassfile(parameters.get("passfile"), password),
    database,
    ...readTls(
      parameters,
      hosts.every(({ host }) => host.startsWith("/") || isLoopback(host)),
    ),
  };
}

/** @param instead The parameter `host`. It replaces the hosts of the URL; the port of the first one stays. */
function readHosts(authority: string, instead: string | undefined): PostgresHost[] {
  const hosts = authority.split(",").map(readHost);
  if (instead === undefined && hosts.every(({ host }) => isHost(host))) return hosts;
  if (instead !== undefined && (isHost(instead) || instead.startsWith("/"))) return [{ host: instead, port: hosts[0]!.port }];
  throw new SettingError(
    `${form}: a host is missing or not a plain host name; write several hosts as host1:5432,host2:5432, and a Unix socket as localhost with ?host=/directory`,
  );
}

/** Reads hosts as a URL has them. */
export function parsePostgresHosts(text: string): readonly PostgresHost[] {
  const hosts = text.split(",").map((one) => /^(?:\[([A-Fa-f0-9:.]+)\]|([A-Za-z0-9.-]+))(?::(\d{1,5}))?$/.exec(one.trim()));
  return hosts.map((match) => {
    const [, address, name, digits = "5432"] = match ?? [];
    const [host, port] = [address ?? name, Number(digits)];
    if (host !== undefined && port >= 1 && port <= 65_535) return { host, port };
    throw new SettingError("must be hosts with ports, such as db2.example.com:5432,db3.example.com:5432");
  });
}

function readHost(text: string): PostgresHost {
  const [, address, name, digits] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const port = Number(digits ?? 5432);
  if (port < 1 || port > 65_535) throw new SettingError(`${form}: the port must be from 1 to 65535`);
  return { host: address ?? decode(name ?? ""), port };
}

function isHost(text: string): boolean {
  return /^[A-Za-z0-9._:-]+$/.test(text);
}

function readTarget(text: string | undefined): boolean {
  if (text === undefined || text === "read-write") return text !== undefined;
  throw new SettingError(
    "must have read-write as `target_session_attrs`, because the service writes: correct the parameter, or remove it",
  );
}

function readPassfile(path: string | undefined, password: string): string | null {
  if (path === "") throw new SettingError("must have the path of a file as `passfile`");
  if (path !== undefined && password !== "") throw new SettingError("has both a password and a `passfile`: remove one");
  return path ?? null;
}

/**
 * Without `sslmode`, connections to other machines use verify-full: weaker modes must be asked for.
 */
function readTls(parameters: ReadonlyMap<string, string>, isLocal: boolean): PostgresTls {
  const text = parameters.get("sslmode") ?? (isLocal ? "disable" : "verify-full");
  const sslmode = sslmodes.find((mode) => mode === text);
  if (sslmode === undefined) throw new SettingError("must have disable, require, verify-ca or verify-full as `sslmode`");
  const pathOf = (name: Parameter): string | null => {
    const path = parameters.get(name) ?? null;
    if (path === "") throw new SettingError(`must have the path of a PEM file as \`${name}\``);
    return path;
  };
  const [sslrootcert, sslcert, sslkey] = [pathOf("sslrootcert"), pathOf("sslcert"), pathOf("sslkey")];
  if (sslrootcert !== null && !sslmode.startsWith("verify-")) {
    throw new SettingError(
      "has `sslrootcert`, which only verify-ca and verify-full use: set sslmode to one of them, or remove `sslrootcert`",
    );
  }
  if ((sslcert === null) !== (sslkey === null)) {
    throw new SettingError("must have both `sslcert` and `sslkey`, or neither: add the missing one, or remove the other");
  }
  if (sslcert !== null && sslmode === "disable") {
    throw new SettingError("has `sslcert`, which only TLS uses: set sslmode to verify-full, or remove `sslcert` and `sslkey`");
  }
  return { sslmode, sslrootcert, sslcert, sslkey };
}

const known = ["sslmode", "sslrootcert", "sslcert", "sslkey", "passfile", "target_session_attrs", "host"] as const;
type Parameter = (typeof known)[number];

function readParameters(search: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [text = "", ...value] = pair.split("=");
    const name = known.find((parameter) => parameter === text);
    if (name === undefined) {
      throw new SettingError(
        `has a parameter other than ${known.map((parameter) => `\`${parameter}\``).join(", ")}: remove it`,
      );
    }
    if (parameters.has(name)) throw new SettingError(`has the parameter \`${name}\` twice: remove one`);
    parameters.set(name, decode(value.join("=")));
  }
  return parameters;
}

function decode(text: string): string {
  const decoded = percentDecoded(text);
  if (decoded.includes("\0")) throw new SettingError(form);
  return decoded;
}
