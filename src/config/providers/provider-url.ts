import { hostOf } from "../../lib/host.js";
import { percentDecoded } from "../password-hint.js";
import { SettingError } from "../setting.js";

/** The parts of a provider's URL, decoded. */
export interface ProviderUrl {
  readonly scheme: string;
  /** Empty: none. */
  readonly user: string;
  readonly password: string;
  /** In lower case, an IPv6 address without brackets. Empty: none. */
  readonly host: string;
  /** Null: none. */
  readonly port: number | null;
  /** With its slash. Empty: none. */
  readonly path: string;
  /** Returns a parameter, or undefined if it is not set. */
  parameter(name: string): string | undefined;
}

/** What a reader of provider URLs needs besides the URL. */
export interface ProviderContext {
  readonly isProduction: boolean;
  /** Reads a file that the URL names. Throws SettingError if it can't be read. Null: the URL comes over the network and may name no file of this machine. */
  readonly readText: ((path: string) => string) | null;
  /** Reads an environment variable that a gateway's description names. Left out: none can be read. */
  readonly readEnv?: ((name: string) => string | undefined) | undefined;
}

/**
 * Splits a provider's URL. Throws SettingError if it has no such form, or a parameter that is not in `known`. Messages repeat
 * nothing of the URL except the names of known parameters, because the rest may hold a password.
 */
export function splitProviderUrl(
  text: string,
  { form, known }: { readonly form: string; readonly known: readonly string[] },
): ProviderUrl {
  if (!URL.canParse(text)) throw new SettingError(`must be ${form}`);
  const url = new URL(text);
  const parameters = readParameters(url.search.slice(1), known);
  if (url.port === "0") throw new SettingError(`must be ${form}: the port must be from 1 to 65535`);
  return {
    scheme: url.protocol.slice(0, -1),
    user: percentDecoded(url.username),
    password: percentDecoded(url.password),
    host: hostOf(url).toLowerCase(),
    port: url.port === "" ? null : Number(url.port),
    path: percentDecoded(url.pathname),
    parameter: (name) => parameters.get(name),
  };
}

/** Throws SettingError unless the URL has a plain host and no path. */
export function requireHost({ host, path }: ProviderUrl, form: string): void {
  if (!/^[a-z0-9.:-]+$/.test(host)) throw new SettingError(`must be ${form}: the host is missing or not a plain host name`);
  if (!["", "/"].includes(path)) throw new SettingError(`must be ${form}, without a path`);
}

/** Only decodes percent signs, so that a plus in an address or number stays a plus. */
function readParameters(search: string, known: readonly string[]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of search === "" ? [] : search.split("&")) {
    const [name = "", ...value] = pair.split("=");
    if (!known.includes(name)) throw new SettingError(`has a parameter other than ${listed(known)}: remove it`);
    if (parameters.has(name)) throw new SettingError(`has the parameter \`${name}\` twice: remove one`);
    parameters.set(name, percentDecoded(value.join("=")));
  }
  return parameters;
}

function listed(names: readonly string[]): string {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} and ${quoted.at(-1)}`;
}
