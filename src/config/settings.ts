import { readFileSync } from "node:fs";
import type { Listen } from "../lib/listen.js";
import type { Secret } from "../lib/secret.js";
import { cooldownSteps, fixedPolicy, type Policy } from "../model/policy.js";
import type { DatabaseLogin, ReadDatabaseLogin } from "./database-login.js";
import type { KeySpec } from "./key-list.js";
import type { PostgresUrl } from "./postgres-url.js";
import { type Env, readAll } from "./read.js";
import { toTls } from "./rules.js";
import type { Files, Mode, PerMode } from "./setting.js";
import type { Smtp } from "./smtp-url.js";
import { table, type Values } from "./table.js";
import type { Tls } from "./tls.js";
import type { DatabaseUrl } from "./urls.js";

export { type Env, readMode } from "./read.js";
export type { DatabaseLogin, DatabaseUrl, Files, KeySpec, Listen, Mode, PostgresUrl, ReadDatabaseLogin, Smtp, Tls };

/** What a deployment decided: read once, complete and consistent. Times are milliseconds. */
export interface Settings {
  readonly mode: Mode;
  readonly database: DatabaseUrl;
  /** Reads user and password again; null when no file holds them. */
  readonly databaseLogin: ReadDatabaseLogin | null;
  /** Connections of this process; of no meaning for SQLite. */
  readonly databasePool: number;
  readonly grpcListen: Listen;
  readonly httpListen: Listen;
  /** Null in production. */
  readonly inboxListen: Listen | null;
  readonly metricsListen: Listen;
  /** Null: the metrics need none. */
  readonly metricsToken: Secret<string> | null;
  readonly workers: number;
  readonly drainDelayMs: number;
  readonly issuer: string;
  /** The current one first. */
  readonly pepper: readonly KeySpec[];
  /** The current one first. */
  readonly masterKey: readonly KeySpec[];
  readonly codeHash: "owasp" | "fast";
  /** Never null in production. */
  readonly smtp: Smtp | null;
  /** What messages call the app that a code is for. */
  readonly appName: string;
  /** Exact origins, or any port of localhost and 127.0.0.1 over http and https. */
  readonly allowedOrigins: readonly string[] | "any-localhost";
  /** IP addresses and networks in CIDR form. */
  readonly trustedProxies: readonly string[];
  readonly defaultClient: boolean;
  readonly tls: Tls;
  readonly signingAlg: "ES256" | "EdDSA" | "RS256";
  readonly keyLeadMs: number;
  readonly reflection: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly policy: Policy;
}

/** The files of this machine. */
export const diskFiles: Files = { readText: (path) => readFileSync(path, "utf8") };

/**
 * Reads the settings from an environment. On failure `problems` holds everything that is wrong, a sentence each, without any
 * secret's value.
 */
export function readSettings(
  env: Env,
  options: { readonly files: Files },
): { readonly ok: true; readonly settings: Settings } | { readonly ok: false; readonly problems: readonly string[] } {
  const { mode, values, databaseLogin, problems } = readAll(env, options.files);
  if (mode === null || problems.length > 0) return { ok: false, problems: problems.map(({ text }) => text) };
  return { ok: true, settings: { ...assemble(values, mode), databaseLogin } };
}

/** Where everything is stored, whatever is wrong with other settings; null if that is refused. */
export function readDatabase(
  env: Env,
  options: { readonly files: Files },
): Pick<Settings, "database" | "databaseLogin"> | null {
  const { values, databaseLogin } = readAll(env, options.files);
  return values.database === undefined ? null : { database: values.database, databaseLogin };
}

/** A setting as it is shown to people. */
export interface SettingInfo {
  readonly name: string;
  readonly purpose: string;
  readonly unit: string;
  readonly defaults: PerMode<string>;
  /** The present value, hidden if it is a secret; null if the default counts. */
  readonly value: string | null;
  /** The value that counts; null if that depends on a mode that is not known. */
  readonly inEffect: string | null;
}

export interface ShownSettings {
  /** Null: it is not set, or refused. */
  readonly mode: Mode | null;
  readonly settings: readonly SettingInfo[];
}

/** Every setting with its purpose, defaults and present value, whether it is right or not. */
export function describeSettings(env: Env, options: { readonly files: Files }): ShownSettings {
  const { mode, values, problems } = readAll(env, options.files);
  const settings = Object.values(table).map((row) => {
    const shown = (of: Mode): string =>
      row.defaultsShown?.[of] ?? row.defaults[of] ?? (row.required?.[of] === undefined ? "none" : "required");
    const { name, purpose, unit, secret } = row;
    const refused = problems.some((problem) => problem.name === name);
    const value = shownValue(env, options.files, { name, secret, refused });
    const defaults = { development: shown("development"), production: shown("production") };
    const derived = row === table.issuer && mode === "development" ? defaultIssuer(values) : null;
    const inEffect = value ?? derived ?? (mode === null ? null : defaults[mode]);
    return { name, purpose, unit, defaults, value, inEffect };
  });
  return { mode, settings };
}

/** A refused value is not shown: it may be a secret that belongs to another variable. */
function shownValue(
  env: Env,
  files: Files,
  { name, secret, refused }: { name: string; secret: boolean; refused: boolean },
): string | null {
  const path = env[`${name}_FILE`];
  if (env[name] === undefined && path === undefined) return null;
  if (refused) return "[refused]";
  if (secret) return "[secret]";
  return env[name] ?? files.readText(path!).trimEnd();
}

/** With no problems every value that has a default or is required is there. */
function assemble(values: Values, mode: Mode): Omit<Settings, "databaseLogin"> {
  return {
    mode,
    database: values.database!,
    databasePool: values.databasePool!,
    grpcListen: values.grpcListen!,
    httpListen: values.httpListen!,
    inboxListen: values.inboxListen ?? null,
    metricsListen: values.metricsListen!,
    metricsToken: values.metricsToken ?? null,
    workers: values.workers!,
    drainDelayMs: values.drainDelay!,
    issuer: values.issuer ?? defaultIssuer(values)!,
    pepper: values.pepper!,
    masterKey: values.masterKey!,
    codeHash: values.codeHash!,
    smtp: values.smtp === undefined ? null : withSenderName(values.smtp, values.appName!),
    appName: values.appName!,
    allowedOrigins: values.allowedOrigins ?? "any-localhost",
    trustedProxies: values.trustedProxies!,
    defaultClient: values.defaultClient!,
    tls: toTls(values)!,
    signingAlg: values.signingAlg!,
    keyLeadMs: values.keyLead!,
    reflection: values.reflection!,
    logLevel: values.logLevel!,
    policy: assemblePolicy(values, mode),
  };
}

/** Null while the settings that it is made of are refused. */
function defaultIssuer(values: Values): string | null {
  const tls = toTls(values);
  if (tls === null || values.httpListen === undefined) return null;
  return `${tls.kind === "files" ? "https" : "http"}://localhost:${values.httpListen.port}`;
}

/** Mail from an address without a name shows the app's. */
function withSenderName(smtp: Smtp, appName: string): Smtp {
  return { ...smtp, from: { name: smtp.from.name || appName, address: smtp.from.address } };
}

function assemblePolicy(values: Values, mode: Mode): Policy {
  const cooldownMs = values.resendCooldown!;
  const isDevelopment = mode === "development";
  return {
    ...fixedPolicy,
    codeLength: values.codeLength!,
    codeTtlMs: values.codeTtl!,
    resendCooldownMs: cooldownSteps(cooldownMs),
    resendFloorMs: Math.min(15_000, cooldownMs),
    autoRegistration: values.autoRegistration!,
    publicContactProofs: isDevelopment,
    possiblePhonesSuffice: isDevelopment,
    deliveryDelayMaxMs: isDevelopment ? 0 : 1_000,
    channels: isDevelopment ? ["email", "sms"] : ["email"],
    accessTokenTtlMs: values.accessTokenTtl!,
    refreshIdleMs: values.refreshIdle!,
    refreshAbsoluteMs: values.refreshAbsolute!,
    refreshGraceMs: values.refreshGrace!,
  };
}
