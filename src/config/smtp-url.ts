import { createPrivateKey, X509Certificate } from "node:crypto";
import { isLoopback } from "../lib/listen.js";
import { Secret } from "../lib/secret.js";
import { withPasswordHint } from "./password-hint.js";
import { type PemFile, readPem } from "./providers/pem-file.js";
import { insecureOverNetwork, type ProviderContext } from "./providers/provider-url.js";
import { SettingError } from "./setting.js";

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
  /** PEM certificates to trust instead of the system's. */
  readonly ca: string | null;
  /** Whether any certificate is accepted. Never in production. */
  readonly insecure: boolean;
  /** How messages are signed. `key` is PEM. */
  readonly dkim: { readonly domain: string; readonly selector: string; readonly key: Secret<string> } | null;
}

const form = "must be smtp://user:password@host:587?from=address or smtps:// with the same";

/** Reads the URL of the mail server. Messages repeat nothing of it except the names of known parameters. */
export function parseSmtpUrl(text: string, context: ProviderContext): Smtp {
  return withPasswordHint(text, () => readSmtpUrl(text, context));
}

function readSmtpUrl(text: string, context: ProviderContext): Smtp {
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
  const from = readFrom(parameters.get("from"), context);
  return {
    host,
    port: url.port === "" ? (secure ? 465 : 587) : Number(url.port),
    secure,
    user: user === "" ? null : user,
    password: password === "" ? null : new Secret(password),
    from,
    starttls: readStarttls(parameters.get("starttls"), { ...context, secure, host }),
    ca: readPem(parameters.get("ca"), caFile, context),
    insecure: readInsecure(parameters.get("insecure"), context),
    dkim: readDkim(parameters, from.address, context),
  };
}

const known = ["from", "starttls", "ca", "insecure", "dkim_selector", "dkim_domain", "dkim_key"] as const;

function isKnown(name: string | undefined): name is (typeof known)[number] {
  return known.some((each) => each === name);
}

/** Only decodes percent signs, so that a plus in an address stays a plus. */
function readParameters(search: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name, ...value] = pair.split("=");
    if (!isKnown(name))
      throw new SettingError(`has a parameter other than ${known.map((each) => `\`${each}\``).join(", ")}: remove it`);
    if (parameters.has(name)) throw new SettingError(`has the parameter \`${name}\` twice: remove one`);
    parameters.set(name, decode(value.join("=")));
  }
  return parameters;
}

function readFrom(text: string | undefined, { isProduction }: ProviderContext): Smtp["from"] {
  if (text === undefined) {
    if (isProduction) {
      throw new SettingError("must name the sender: add ?from=codes@example.com, or Name%20<codes@example.com>");
    }
    return { name: "", address: "no-reply@localhost" };
  }
  return parseSender(text);
}

/** Reads `codes@example.com` or `Name <codes@example.com>`. */
export function parseSender(text: string): Smtp["from"] {
  const [, name = "", named, bare] = /^(?:([^<>"@,;:\\]*)<([^<>]*)>|([^<>]*))$/u.exec(text) ?? [];
  const address = named ?? bare ?? "";
  if (/\p{C}/u.test(text) || !/^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,255}$/.test(address)) {
    throw new SettingError("must have an e-mail address as `from`: ?from=codes@example.com, or Name%20<codes@example.com>");
  }
  return { name: name.trim(), address };
}

function readStarttls(
  text: string | undefined,
  { isProduction, secure, host }: { isProduction: boolean; secure: boolean; host: string },
): Smtp["starttls"] {
  if (secure) {
    if (text !== undefined) throw new SettingError("must not have `starttls` with smtps://, which begins with TLS: remove it");
    return "required";
  }
  switch (text) {
    case undefined:
      return isProduction ? "required" : "optional";
    case "required":
    case "optional":
      return text;
    case "never":
      if (isProduction && !isLoopback(host)) {
        throw new SettingError(
          "must not have starttls=never in production, because codes would cross the network unencrypted: remove it",
        );
      }
      return text;
    default:
      throw new SettingError("must have required, optional or never as `starttls`");
  }
}

const caFile: PemFile = {
  parameter: "ca",
  what: "certificates that end with the authority's",
  check: (pem) => void new X509Certificate(pem),
};

function readInsecure(text: string | undefined, { isProduction, readText }: ProviderContext): boolean {
  if (text === undefined) return false;
  if (readText === null) throw new SettingError(insecureOverNetwork);
  if (text !== "1") throw new SettingError("must have 1 as `insecure`, or no `insecure`");
  if (isProduction) {
    throw new SettingError(
      "must not have insecure=1 in production, because anyone on the way could read codes: remove it, and name the authority's certificate by ca=FILE",
    );
  }
  return true;
}

const dkimKey: PemFile = {
  parameter: "dkim_key",
  what: "a private RSA key of 1024 bits or more without a passphrase",
  check: checkDkimKey,
};

function checkDkimKey(pem: string): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem);
  // RFC 8301 §3.2: verifiers ignore shorter keys.
  if (asymmetricKeyType !== "rsa" || (asymmetricKeyDetails?.modulusLength ?? 0) < 1024)
    throw new Error("not a long enough RSA key");
}

const dnsName = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;

/** `dkim_domain` is the domain of the sender by default. */
function readDkim(parameters: ReadonlyMap<string, string>, sender: string, context: ProviderContext): Smtp["dkim"] {
  const [selector, key] = [parameters.get("dkim_selector"), readPem(parameters.get("dkim_key"), dkimKey, context)];
  const domain = parameters.get("dkim_domain");
  if (selector === undefined || key === null) {
    if (selector === undefined && key === null && domain === undefined) return null;
    throw new SettingError(
      "must have both `dkim_selector` and `dkim_key` to sign messages: add the missing one, or remove the others",
    );
  }
  const signing = { domain: domain ?? sender.slice(sender.lastIndexOf("@") + 1), selector };
  for (const name of [signing.domain, signing.selector])
    if (!dnsName.test(name)) throw new SettingError("must have names of the DNS as `dkim_selector` and `dkim_domain`");
  return { ...signing, key: new Secret(key) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new SettingError('must have its special characters percent-encoded: "%" itself is %25');
  }
}
