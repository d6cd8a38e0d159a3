import { escapeControls } from "../lib/escape.js";
import { type CarrierEntries, checkCarriers } from "./carriers.js";
import { carriersTable } from "./carriers-table.js";
import { checkDatabaseLogins, databaseLoginReader, type ReadDatabaseLogin } from "./database-login.js";
import { checkRules, toTls } from "./rules.js";
import { type Files, fileErrorCode, type Mode, type Problem, type Setting, SettingError } from "./setting.js";
import { nearest } from "./suggest.js";
import { table, type Values } from "./table.js";
import { checkDatabaseTls, checkTlsFiles } from "./tls.js";

export type Env = Readonly<Record<string, string | undefined>>;

/** The text of a setting, from the environment or a file. Undefined: neither is set. */
type Text = { readonly text: string | undefined } | { readonly problem: string };

/** Reads a whole environment: the values, and everything that is wrong with it. */
export function readAll(
  env: Env,
  files: Files,
): {
  readonly mode: Mode | null;
  readonly values: Values;
  readonly databaseLogin: ReadDatabaseLogin | null;
  readonly problems: Problem[];
} {
  const problems: Problem[] = [];
  const values = {} as Values;

  function read<K extends keyof Values>(key: K, mode: Mode | null): void {
    const result = readOne(table[key] as Setting<NonNullable<Values[K]>>, { env, files, mode });
    if ("problem" in result) problems.push({ name: table[key].name, text: `${result.problem}.` });
    else values[key] = result.value;
  }

  read("mode", null);
  const mode = values.mode ?? null;
  for (const key of Object.keys(table) as (keyof Values)[]) {
    if (key !== "mode") read(key, mode);
  }
  problems.push(...checkCarriersOf(values, mode, problems));
  const tls = toTls(values);
  if (tls?.kind === "files") problems.push(...checkTlsFiles(tls, files));
  const { database } = values;
  let databaseLogin: ReadDatabaseLogin | null = null;
  if (database?.kind === "postgres") {
    databaseLogin = databaseLoginReader(database, { files, urlFile: env[`${table.database.name}_FILE`] ?? null });
    problems.push(...checkDatabaseTls(database, files));
    if (databaseLogin !== null) problems.push(...checkDatabaseLogins(database, databaseLogin));
  }
  if (mode !== null) {
    // A refused value would look like a missing one to the rules: one sentence for each variable is enough.
    const refused = new Set(problems.map(({ name }) => name));
    problems.push(...checkRules(values, mode).filter(({ name }) => !refused.has(name)));
  }
  problems.push(...unknownVariables(env));
  return { mode, values, databaseLogin, problems };
}

/** The entries of each channel's setting. */
export function carrierEntriesOf({ smtp, sms, whatsapp, voice, ussd }: Values): CarrierEntries {
  return { email: smtp, sms, whatsapp, voice, ussd };
}

function checkCarriersOf(values: Values, mode: Mode | null, problems: readonly Problem[]): readonly Problem[] {
  const { smtp, sms, whatsapp, voice, ussd } = carriersTable;
  const names = { email: smtp.name, sms: sms.name, whatsapp: whatsapp.name, voice: voice.name, ussd: ussd.name };
  const isRefused = problems.some(({ name }) => Object.values<string>(names).includes(name));
  return checkCarriers(carrierEntriesOf(values), { mode, names, isRefused });
}

/** Only the mode. Null if it is not set or refused. */
export function readMode(env: Env, files: Files): Mode | null {
  const result = readOne(table.mode, { env, files, mode: null });
  return "problem" in result ? null : (result.value ?? null);
}

function readOne<T>(
  setting: Setting<T>,
  { env, files, mode }: { env: Env; files: Files; mode: Mode | null },
): { readonly value: T | undefined } | { readonly problem: string } {
  const found = readText(setting, env, files);
  if ("problem" in found) return found;
  const text = found.text ?? (mode === null ? null : setting.defaults[mode]);
  if (text === null) {
    const hint = mode === null ? modeHint(setting) : setting.required?.[mode];
    return hint === undefined ? { value: undefined } : { problem: `${setting.name} is not set: ${hint}` };
  }
  try {
    return { value: setting.parse(text, mode, { readText: (path) => files.readText(path), readEnv: (name) => env[name] }) };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    return { problem: `${setting.name} ${error.message}` };
  }
}

/** While the mode is unknown, only the mode is reported as missing: what is required depends on it. */
function modeHint({ name, required }: Setting<unknown>): string | undefined {
  return name === table.mode.name ? required?.production : undefined;
}

/** Reads `NAME`, or the file that `NAME_FILE` names, without newlines at its end. */
function readText(setting: Setting<unknown>, env: Env, files: Files): Text {
  const fileName = `${setting.name}_FILE`;
  const [direct, path] = [env[setting.name], env[fileName]];
  if (direct !== undefined && path !== undefined)
    return { problem: `${setting.name} and ${fileName} are both set: remove one` };
  let text = direct;
  if (path !== undefined) {
    try {
      text = files.readText(path).replace(/[\r\n]+$/, "");
    } catch (error) {
      return {
        problem: `${fileName} names a file that cannot be read (${fileErrorCode(error)}): correct the path or the permissions`,
      };
    }
  }
  const emptyMeansNone = setting.defaults.production === "";
  if (text === "" && !emptyMeansNone) {
    return { problem: `${path === undefined ? setting.name : fileName} is empty: give it a value, or remove it` };
  }
  return { text };
}

function unknownVariables(env: Env): Problem[] {
  const known = Object.values(table).flatMap(({ name }) => [name, `${name}_FILE`]);
  return Object.keys(env)
    .filter((name) => name.startsWith("LATCHKEY_") && env[name] !== undefined && !known.includes(name))
    .map((name) => {
      const near = nearest(withoutPrefix(name), known.map(withoutPrefix));
      const hint =
        near === undefined ? "see `latchkey config` for all settings, or remove it" : `did you mean LATCHKEY_${near}?`;
      return { name, text: `${escapeControls(name)} is not a setting: ${hint}${near === undefined ? "." : ""}` };
    });
}

function withoutPrefix(name: string): string {
  return name.slice("LATCHKEY_".length);
}
