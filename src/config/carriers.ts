import { type Channel, channels } from "../model/channel.js";
import { withPasswordHint } from "./password-hint.js";
import { type ProviderSpec, readProvider } from "./providers/read-provider.js";
import type { Smtp } from "./providers/smtp-url.js";
import { type Files, fileErrorCode, type Mode, type Problem, SettingError } from "./setting.js";

/** The settings of one of the deployment's providers. Those of one channel are tried in the order in which they are listed. */
export interface NamedProviderSpec {
  /** Unique over all channels: 1 to 32 lower-case letters, digits and hyphens. */
  readonly name: string;
  readonly channel: Channel;
  readonly spec: ProviderSpec;
}

/** One URL of a channel's setting. */
export interface CarrierEntry {
  /** Null: the URL gives no name. */
  readonly name: string | null;
  readonly spec: ProviderSpec;
}

/** The entries of each channel's setting. Undefined: the setting is refused or not set. */
export type CarrierEntries = Readonly<Partial<Record<Channel, readonly CarrierEntry[] | undefined>>>;

/** Names of what shows messages beside the carriers in development. */
const reservedNames = ["inbox", "console"];

/**
 * Reads the URLs of one channel, separated by commas or line ends. Throws one SettingError about all wrong ones. It repeats
 * nothing of them but the names of known parameters.
 */
export function parseCarriers(
  text: string,
  given: { readonly channel: Channel; readonly mode: Mode | null; readonly files: Files },
): readonly CarrierEntry[] {
  const urls = text.split(/[,\r\n]/).map((url) => url.trim());
  const faults: string[] = [];
  const entries = urls.flatMap((url, index) => {
    const which = urls.length === 1 ? "" : `URL ${index + 1} `;
    try {
      return [readEntry(url, given)];
    } catch (error) {
      if (!(error instanceof SettingError)) throw error;
      // A comma in a password cuts the URL in two, and the second part has no scheme.
      const isCut = index > 0 && !/^[a-z-]+:\/\//.test(url);
      faults.push(`${which}${error.message}${isCut ? "; write a comma inside a URL as %2C" : ""}`);
      return [];
    }
  });
  if (faults.length > 0) throw new SettingError(faults.join("; "));
  return entries;
}

function readEntry(
  url: string,
  { channel, mode, files }: { readonly channel: Channel; readonly mode: Mode | null; readonly files: Files },
): CarrierEntry {
  const hash = url.indexOf("#");
  const [bare, name] = hash === -1 ? [url, null] : [url.slice(0, hash), url.slice(hash + 1)];
  if (name !== null) withPasswordHint(url, () => checkName(name));
  const spec = readProvider(bare, channel, {
    isProduction: mode === "production",
    readText: (path) => readFile(path, files),
    readEnv: files.readEnv,
  });
  return { name, spec };
}

function checkName(name: string): void {
  if (!/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    throw new SettingError(
      'must have 1 to 32 lower-case letters, digits and hyphens after "#", which is the name of the carrier',
    );
  }
  if (reservedNames.includes(name)) throw new SettingError(`must have another name after "#": ${name} is reserved`);
}

function readFile(path: string, files: Files): string {
  try {
    return files.readText(path);
  } catch (error) {
    throw new SettingError(`names a file that cannot be read (${fileErrorCode(error)}): correct the path or the permissions`);
  }
}

/**
 * Names the carriers of all channels. A carrier without a name gets that of its kind, and the second of a kind gets `-2` after
 * it.
 */
export function nameCarriers(entries: CarrierEntries, appName: string): readonly NamedProviderSpec[] {
  const all = channels.flatMap((channel) => (entries[channel] ?? []).map((entry) => ({ ...entry, channel })));
  const taken = new Set([...reservedNames, ...all.flatMap(({ name }) => name ?? [])]);
  return all.map(({ name, channel, spec }) => {
    const given = name ?? freeName(spec.kind, taken);
    taken.add(given);
    return { name: given, channel, spec: withSenderName(spec, appName) };
  });
}

function freeName(kind: string, taken: ReadonlySet<string>): string {
  let name = kind;
  for (let number = 2; taken.has(name); number += 1) name = `${kind}-${number}`;
  return name;
}

/** Mail without a sender's name gets that of the app. */
export function withSenderName(spec: ProviderSpec, appName: string): ProviderSpec {
  if (spec.kind === "ses")
    return { ...spec, ses: { ...spec.ses, from: { ...spec.ses.from, name: spec.ses.from.name || appName } } };
  if (spec.kind !== "smtp") return spec;
  const { from } = spec.smtp;
  const smtp: Smtp = { ...spec.smtp, from: { name: from.name || appName, address: from.address } };
  return { ...spec, smtp };
}

/** Checks that names are unique over all channels, and that production has a carrier. */
export function checkCarriers(
  entries: CarrierEntries,
  {
    mode,
    names,
    isRefused,
  }: {
    readonly mode: Mode | null;
    /** The setting of each channel. */
    readonly names: Readonly<Record<Channel, string>>;
    /** Whether a setting of carriers is refused already: then nothing is missing. */
    readonly isRefused: boolean;
  },
): readonly Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, Channel>();
  for (const channel of channels) {
    for (const { name } of entries[channel] ?? []) {
      if (name === null) continue;
      const owner = owners.get(name);
      owners.set(name, owner ?? channel);
      if (owner === undefined) continue;
      const where = owner === channel ? "twice" : `and so has ${names[owner]}`;
      const text = `${names[channel]} has the name #${name} ${where}: give each carrier a name of its own.`;
      problems.push({ name: names[channel], text });
    }
  }
  const isEmpty = channels.every((channel) => entries[channel] === undefined);
  if (mode === "production" && isEmpty && !isRefused) {
    const others = channels.slice(1).map((channel) => names[channel]);
    const text = `${names.email} is not set: set it to the URL of your mail server, smtp://user:password@host:587?from=codes@example.com, or set the carrier of another channel: ${others.join(", ")}.`;
    problems.push({ name: names.email, text });
  }
  return problems;
}
