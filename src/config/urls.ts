import { quote } from "../lib/escape.js";
import { hostOf } from "../lib/host.js";
import { isLoopback } from "../lib/listen.js";
import { originProblem } from "../lib/origin.js";
import { withPasswordHint } from "./password-hint.js";
import { type PostgresUrl, parsePostgresUrl } from "./postgres-url.js";
import { type Mode, SettingError } from "./setting.js";

export type DatabaseUrl = SqliteUrl | PostgresUrl;

export interface SqliteUrl {
  readonly kind: "sqlite";
  /** A path, or `:memory:`. */
  readonly path: string;
}

/** Reads `sqlite:<path>` or `postgres://…`. Messages never repeat the text: it may hold a password. */
export function parseDatabaseUrl(text: string, mode: Mode | null): DatabaseUrl {
  if (/^postgres(ql)?:/.test(text)) return withPasswordHint(text, () => parsePostgresUrl(text));
  if (!text.startsWith("sqlite:")) {
    throw new SettingError("must be sqlite:<path>, for example sqlite:latchkey.db, or postgres://user:password@host/database");
  }
  const path = text.slice("sqlite:".length);
  if (path === ":memory:") {
    if (mode === "production")
      throw new SettingError(
        "must name a file in production, because a restart loses a database in memory: write sqlite:latchkey.db",
      );
    return { kind: "sqlite", path };
  }
  if (path === "" || path.startsWith("//") || /[?#\0]/.test(path)) {
    throw new SettingError(
      "must be sqlite:<path> with a plain path, without // and without parameters, for example sqlite:/var/lib/latchkey/latchkey.db",
    );
  }
  return { kind: "sqlite", path };
}

/** Reads an issuer. Verifiers compare it character by character, so it must be in the normal form of URLs. */
export function parseIssuer(text: string): string {
  const url = parseUrl(text);
  if (url === null) throw new SettingError("must be a URL such as https://auth.example.com");
  if (/[?#]/.test(text)) throw new SettingError("must have no query and no fragment: remove everything from ? or # on");
  if (url.username !== "" || url.password !== "") throw new SettingError("must have no user and no password: remove them");
  if (text.endsWith("/")) throw new SettingError("must not end with a slash: remove it");
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopbackUrl(url))) {
    throw new SettingError("must be an https:// URL: http:// is allowed for localhost only");
  }
  const normal = url.href.replace(/\/$/, "");
  if (normal !== text) throw new SettingError(`must be in its normal form: write ${quote(normal)}`);
  return text;
}

/** Reads one exact web origin: scheme, host and port. */
export function parseOrigin(text: string, position: number): string {
  const problem = originProblem(text);
  if (problem !== null) throw new SettingError(`entry ${position} ${problem}`);
  return text;
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

function isLoopbackUrl(url: URL): boolean {
  return isLoopback(hostOf(url));
}
