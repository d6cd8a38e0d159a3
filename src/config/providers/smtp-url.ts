import { createPrivateKey } from "node:crypto";
import { isLoopback } from "../../lib/listen.js";
import { Secret } from "../../lib/secret.js";
import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type PemFile, readPem } from "./pem-file.js";
import { type ProviderContext, type ProviderUrl, requireHost, splitProviderUrl } from "./provider-url.js";
import { readTrust, type Trust, trustParameters } from "./trust.js";

export interface Smtp extends Trust {
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
  /** How messages are signed. `key` is PEM. */
  readonly dkim: { readonly domain: string; readonly selector: string; readonly key: Secret<string> } | null;
}

const form = "smtp://user:password@host:587?from=address or smtps:// with the same";
const known = ["from", "starttls", ...trustParameters, "dkim_selector", "dkim_domain", "dkim_key"];

/** Reads the URL of the mail server. Messages repeat nothing of it except the names of known parameters. */
export function parseSmtpUrl(text: string, context: ProviderContext): Smtp {
  return withPasswordHint(text, () => read(splitProviderUrl(text, { form, known }), context));
}

function read(url: ProviderUrl, context: ProviderContext): Smtp {
  requireHost(url, form);
  const { host, user, password } = url;
  const secure = url.scheme === "smtps";
  if ((user === "") !== (password === ""))
    throw new SettingError("must have both a user and a password, or neither: add the missing one, or remove the other");
  const from = readFrom(url.parameter("from"), context);
  return {
    host,
    port: url.port ?? (secure ? 465 : 587),
    secure,
    user: user === "" ? null : user,
    password: password === "" ? null : new Secret(password),
    from,
    starttls: readStarttls(url.parameter("starttls"), { ...context, secure, host }),
    ...readTrust(url, context),
    dkim: readDkim(url, from.address, context),
  };
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
function readDkim({ parameter }: ProviderUrl, sender: string, context: ProviderContext): Smtp["dkim"] {
  const [selector, key] = [parameter("dkim_selector"), readPem(parameter("dkim_key"), dkimKey, context)];
  const domain = parameter("dkim_domain");
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
