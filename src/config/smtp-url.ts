import { isLoopback } from "../lib/listen.js";
import { Secret } from "../lib/secret.js";
import { withPasswordHint } from "./password-hint.js";
import { type Mode, SettingError } from "./setting.js";

export interface Smtp {
  readonly host: string;
  readonly port: number;
  /** Whether the connection begins with TLS (smtps://). */
  readonly secure: boolean;
  /** User and password are both null if the mail server needs no login. */
  readonly user: string | null;
  readonly password: Secret<string> | null;
  /** `name` may be empty. */
  readonly from: { readonly name: string; readonly address: string };
  /** Not used if `secure`. */
  readonly starttls: "required" | "optional" | "never";
}

const form = "must be smtp://user:password@host:587?from=address or smtps:// with the same";

/** Reads the URL of the mail server. Messages repeat nothing of it except the names of known parameters. */
export function parseSmtpUrl(text: string, mode: Mode | null): Smtp {
  return withPasswordHint(text, () => readSmtpUrl(text, mode));
}

function readSmtpUrl(text: string, mode: Mode | null): Smtp {
  if (!/^smtps?:\/\//.test(text) || !URL.canParse(text)) throw new SettingError(form);
  const url = new URL(text);
  const secure = url.protocol === "smtps:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (!/^[a-z0-9.:-]+$/.test(host)) throw new SettingError(`${form}: the host is missing or not a plain host name`);
  if (!["", "/"].includes(url.pathname) || url.hash !== "") {
    throw new SettingError(
      `${form}, without a path and a fragment; write "/", "?", "#" and "@" in a password as %2F, %3F, %23 and %40`,
    );
  }
  if (url.port === "0") throw new SettingError(`${form}: the port must be from 1 to 65535`);
  const [user, password] = [decode(url.username), decode(url.password)];
  if ((user === "") !== (password === ""))
    throw new SettingError("must have both a user and a password, or neither: add the missing one, or remove the other");
  const parameters = readParameters(url.search.slice(1));
  return {
    host,
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    user: user === "" ? null : user,
    password: password === "" ? null : new Secret(password),
    from: readFrom(parameters.get("from"), mode),
    starttls: readStarttls(parameters.get("starttls"), { mode, secure, host }),
  };
}

/** Only decodes percent signs, so that a plus in an address stays a plus. */
function readParameters(search: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name, ...value] = pair.split("=");
    if (name !== "from" && name !== "starttls")
      throw new SettingError("has a parameter other than `from` and `starttls`: remove it");
    if (parameters.has(name)) throw new SettingError(`has the parameter \`${name}\` twice: remove one`);
    parameters.set(name, decode(value.join("=")));
  }
  return parameters;
}

function readFrom(text: string | undefined, mode: Mode | null): Smtp["from"] {
  if (text === undefined) {
    if (mode === "production") {
      throw new SettingError("must name the sender: add ?from=codes@example.com, or Name%20<codes@example.com>");
    }
    return { name: "", address: "no-reply@localhost" };
  }
  const [, name = "", named, bare] = /^(?:([^<>"@,;:\\]*)<([^<>]*)>|([^<>]*))$/u.exec(text) ?? [];
  const address = named ?? bare ?? "";
  if (/\p{C}/u.test(text) || !/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(address)) {
    throw new SettingError("must have an e-mail address as `from`: ?from=codes@example.com, or Name%20<codes@example.com>");
  }
  return { name: name.trim(), address };
}

function readStarttls(
  text: string | undefined,
  { mode, secure, host }: { mode: Mode | null; secure: boolean; host: string },
): Smtp["starttls"] {
  if (secure) {
    if (text !== undefined) throw new SettingError("must not have `starttls` with smtps://, which begins with TLS: remove it");
    return "required";
  }
  switch (text) {
    case undefined:
      return mode === "production" ? "required" : "optional";
    case "required":
    case "optional":
      return text;
    case "never":
      if (mode === "production" && !isLoopback(host)) {
        throw new SettingError(
          "must not have starttls=never in production, because codes would cross the network unencrypted: remove it",
        );
      }
      return text;
    default:
      throw new SettingError("must have required, optional or never as `starttls`");
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SettingError('must have its special characters percent-encoded: "%" itself is %25');
  }
}
