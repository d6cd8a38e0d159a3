import { Secret } from "../../lib/secret.js";
import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type ProviderContext, type ProviderUrl, requireHost, splitProviderUrl } from "./provider-url.js";
import { readTrust, type Trust, trustParameters } from "./trust.js";

/** See `SmppOptions`. */
export interface Smpp extends Trust {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  readonly systemId: string;
  readonly password: Secret<string>;
  readonly systemType: string;
  readonly serviceType: string;
  readonly from: { readonly address: string; readonly ton: number; readonly npi: number };
  readonly window: number;
  readonly perSecond: number | null;
  readonly validity: "relative" | "absolute" | "none";
  readonly receiptId: "hex" | "decimal" | null;
}

const form = "smpp://system:password@host:2775?from=sender, or smpps:// with the same";

const known = [
  "from",
  "ton",
  "npi",
  "system_type",
  "service_type",
  "window",
  "per_second",
  "validity",
  "receipt_id",
  ...trustParameters,
];

/** Reads the URL of a message center. Throws SettingError. Messages repeat nothing of it except the names of known parameters. */
export function readSmppUrl(text: string, context: ProviderContext): Smpp {
  return withPasswordHint(text, () => read(splitProviderUrl(text, { form, known }), context));
}

function read(url: ProviderUrl, context: ProviderContext): Smpp {
  const secure = url.scheme === "smpps";
  requireHost(url, form);
  if (!secure && trustParameters.some((name) => url.parameter(name) !== undefined)) {
    throw new SettingError("must not have `ca` or `insecure` with smpp://, which has no TLS: remove it, or write smpps://");
  }
  return {
    host: url.host,
    port: url.port ?? (secure ? 3550 : 2775),
    secure,
    ...readTrust(url, context),
    systemId: ascii(url.user, { what: "a system id", max: 15, min: 1 }),
    // SMPP 3.4 allows 8 characters, and message centers more.
    password: new Secret(ascii(url.password, { what: "a password", max: 64, min: 1 })),
    systemType: ascii(url.parameter("system_type") ?? "", { what: "as `system_type` a text", max: 12 }),
    serviceType: ascii(url.parameter("service_type") ?? "", { what: "as `service_type` a text", max: 5 }),
    from: readFrom(url),
    window: number(url, { name: "window", min: 1, max: 1000 }) ?? 10,
    perSecond: number(url, { name: "per_second", min: 1, max: 10_000 }),
    validity: oneOf(url, "validity", ["relative", "absolute", "none"]) ?? "relative",
    receiptId: oneOf(url, "receipt_id", ["hex", "decimal"]),
  };
}

const senderForm = "a number such as +4915112345678 or 12345, or 1 to 11 letters, digits and spaces";

/** SMPP 3.4 §5.2.5 and §5.2.6: alphanumeric 5 and 0, international 1 and 1, and for short codes 3 and 0. */
function readFrom(url: ProviderUrl): Smpp["from"] {
  const text = url.parameter("from") ?? "";
  const [ton, npi] = [number(url, { name: "ton", min: 0, max: 6 }), number(url, { name: "npi", min: 0, max: 18 })];
  const chosen = (address: string, byItself: readonly [number, number]) => ({
    address,
    ton: ton ?? byItself[0],
    npi: npi ?? byItself[1],
  });
  if (text === "") return chosen("", [0, 0]);
  if (/^\+[0-9]{7,15}$/.test(text)) return chosen(text.slice(1), [1, 1]);
  if (/^[0-9]{1,8}$/.test(text)) return chosen(text, [3, 0]);
  if (/^[0-9]{9,15}$/.test(text)) return chosen(text, [1, 1]);
  if (/^(?=.*[A-Za-z])[A-Za-z0-9 ._&-]{1,11}$/.test(text)) return chosen(text, [5, 0]);
  throw new SettingError(`must have ${senderForm} as \`from\``);
}

function ascii(text: string, { what, max, min = 0 }: { what: string; max: number; min?: number }): string {
  if (text.length >= min && text.length <= max && /^[\x20-\x7e]*$/.test(text)) return text;
  throw new SettingError(`must have ${what} of ${min} to ${max} ASCII characters`);
}

function number(url: ProviderUrl, { name, min, max }: { name: string; min: number; max: number }): number | null {
  const text = url.parameter(name);
  if (text === undefined) return null;
  const value = Number(text);
  if (/^[0-9]{1,6}$/.test(text) && value >= min && value <= max) return value;
  throw new SettingError(`must have a number from ${min} to ${max} as \`${name}\``);
}

function oneOf<const T extends string>(url: ProviderUrl, name: string, values: readonly T[]): T | null {
  const text = url.parameter(name);
  if (text === undefined) return null;
  const value = values.find((candidate) => candidate === text);
  if (value !== undefined) return value;
  throw new SettingError(`must have ${values.slice(0, -1).join(", ")} or ${values.at(-1)} as \`${name}\``);
}
