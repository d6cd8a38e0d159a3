import { readFileSync } from "node:fs";
import type { Listen } from "../lib/listen.js";
import type { Secret } from "../lib/secret.js";
import { channels } from "../model/channel.js";
import type { DialectSettings } from "../model/dialect.js";
import { cooldownFloor, cooldownSteps, fixedPolicy, type Policy } from "../model/policy.js";
import { type NamedProviderSpec, nameCarriers } from "./carriers.js";
import type { DatabaseLogin, ReadDatabaseLogin } from "./database-login.js";
import type { KeySpec } from "./key-list.js";
import { type PolicySettings, policySettingsIn } from "./policy-table.js";
import type { PostgresHost, PostgresUrl } from "./postgres-url.js";
import { carrierEntriesOf, type Env, readAll } from "./read.js";
import { toTls } from "./rules.js";
import type { Files, Mode, PerMode, Topic } from "./setting.js";
import { table, type Values } from "./table.js";
import type { Tls } from "./tls.js";
import type { DatabaseUrl } from "./urls.js";

export { type Env, readMode } from "./read.js";
export type {
  DatabaseLogin,
  DatabaseUrl,
  Files,
  KeySpec,
  Listen,
  Mode,
  NamedProviderSpec,
  PostgresUrl,
  ReadDatabaseLogin,
  Tls,
  Topic,
};

/** All settings of a process: read once, complete and consistent. Times are in milliseconds. */
export interface Settings {
  readonly mode: Mode;
  readonly database: DatabaseUrl;
  /** Reads user and password again. Null if no file holds them. */
  readonly databaseLogin: ReadDatabaseLogin | null;
  /** The most connections of this process. SQLite ignores it. */
  readonly databasePool: number;
  readonly databasePooler: "none" | "transaction";
  /** Empty: the primary serves all reads. */
  readonly databaseReadHosts: readonly PostgresHost[];
  readonly messageRetentionMs: number;
  readonly grpcListen: Listen;
  readonly httpListen: Listen;
  /** Null in production. */
  readonly inboxListen: Listen | null;
  readonly metricsListen: Listen;
  /** Null: the metrics need no token. */
  readonly metricsToken: Secret<string> | null;
  readonly workers: number;
  readonly drainDelayMs: number;
  readonly issuer: string;
  /** The first one is current at the first start. */
  readonly pepper: readonly KeySpec[];
  /** The first one is current at the first start. */
  readonly masterKey: readonly KeySpec[];
  readonly codeHash: "owasp" | "fast";
  /** The carriers of all channels, those of one channel in order of preference. Never empty in production. */
  readonly carriers: readonly NamedProviderSpec[];
  /** What messages call the app that a code is for. */
  readonly appName: string;
  /** Exact origins, imported once into the client `default-web`. */
  readonly allowedOrigins: readonly string[];
  /** IP addresses and networks in CIDR form. */
  readonly trustedProxies: readonly string[];
  /** Host names, IP addresses and networks in CIDR form, in lower case. */
  readonly outboundAllowed: readonly string[];
  /** Whether the first start makes the client `default-web`. Null: not set. */
  readonly defaultClient: boolean | null;
  readonly tls: Tls;
  readonly signingAlg: "ES256" | "EdDSA" | "RS256";
  readonly keyLeadMs: number;
  readonly reflection: boolean;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  /** What applies to apps that decide nothing. */
  readonly policy: Policy;
  /** The names of those policy settings that were set, by the value that they give. The others have their defaults. */
  readonly policySettings: PolicySettings;
  /** What the deployment says about calls of one app through a dialect. Null: nothing. */
  readonly dialectSettings: DialectSettings | null;
}

/** The files of this machine. */
export const diskFiles: Files = { readText: (path) => readFileSync(path, "utf8") };

/**
 * Reads the settings from an environment. If anything is wrong, `problems` lists everything, one sentence each, without the value
 * of any secret.
 */
export function readSettings(
  env: Env,
  options: { readonly files: Files },
): { readonly ok: true; readonly settings: Settings } | { readonly ok: false; readonly problems: readonly string[] } {
  const { mode, values, databaseLogin, problems } = readAll(env, options.files);
  if (mode === null || problems.length > 0) return { ok: false, problems: problems.map(({ text }) => text) };
  return { ok: true, settings: { ...assemble(values, mode), databaseLogin, policySettings: policySettingsIn(env) } };
}

/** Where everything is stored, even if other settings are wrong. Null if the database setting itself is refused. */
export function readDatabase(
  env: Env,
  options: { readonly files: Files },
): Pick<Settings, "database" | "databaseLogin" | "databasePooler"> | null {
  const { values, databaseLogin } = readAll(env, options.files);
  const { database, databasePooler = "none" } = values;
  return database === undefined ? null : { database, databaseLogin, databasePooler };
}

/** A setting, to show to people. */
export interface SettingInfo {
  readonly name: string;
  readonly topic: Topic;
  readonly purpose: string;
  readonly unit: string;
  readonly defaults: PerMode<string>;
  /** The present value, hidden if it is a secret. Null if the setting is not set. */
  readonly value: string | null;
  /** The value in effect. Null if it depends on the mode and the mode is unknown. */
  readonly inEffect: string | null;
}

export interface ShownSettings {
  /** Null: the mode is not set, or refused. */
  readonly mode: Mode | null;
  readonly settings: readonly SettingInfo[];
}

/** Every setting with its purpose, defaults and present value, even if the value is refused. */
export function describeSettings(env: Env, options: { readonly files: Files }): ShownSettings {
  const { mode, values, problems } = readAll(env, options.files);
  const settings = Object.values(table).map((row) => {
    const shown = (of: Mode): string =>
      row.defaultsShown?.[of] ?? row.defaults[of] ?? (row.required?.[of] === undefined ? "none" : "required");
    const { name, topic, purpose, unit, secret } = row;
    const refused = problems.some((problem) => problem.name === name);
    const value = shownValue(env, options.files, { name, secret, refused });
    const defaults = { development: shown("development"), production: shown("production") };
    const derived = row === table.issuer && mode === "development" ? defaultIssuer(values) : null;
    const inEffect = value ?? derived ?? (mode === null ? null : defaults[mode]);
    return { name, topic, purpose, unit, defaults, value, inEffect };
  });
  return { mode, settings };
}

/** Hides refused values: one may be a secret that was meant for another variable. */
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

/** Expects values without problems: then each value that has a default or is required is defined. */
function assemble(values: Values, mode: Mode): Omit<Settings, "databaseLogin" | "policySettings"> {
  const carriers = nameCarriers(carrierEntriesOf(values), values.appName!);
  return {
    mode,
    database: values.database!,
    databasePool: values.databasePool!,
    databasePooler: values.databasePooler!,
    databaseReadHosts: values.databaseReadHosts ?? [],
    messageRetentionMs: values.messageRetention!,
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
    carriers,
    appName: values.appName!,
    allowedOrigins: values.allowedOrigins!,
    trustedProxies: values.trustedProxies!,
    outboundAllowed: values.outboundAllowed!,
    defaultClient: values.defaultClient ?? null,
    tls: toTls(values)!,
    signingAlg: values.signingAlg!,
    keyLeadMs: values.keyLead!,
    reflection: values.reflection!,
    logLevel: values.logLevel!,
    policy: assemblePolicy(values, mode, carriers),
    dialectSettings: assembleSolidx(values),
  };
}

/** SolidX's variables as a policy. */
function assembleSolidx({
  solidxApp: appId,
  solidxPasswordless: passwordless,
  solidxOtpExpiry: codeTtlMs,
  solidxRegistrationSources: defaultSources,
  solidxLoginChannel: type,
}: Values): DialectSettings | null {
  if (appId === undefined) return null;
  const policy = {
    ...(passwordless !== undefined && { registration: passwordless, codeSignIn: passwordless }),
    ...(codeTtlMs !== undefined && { codeTtlMs }),
    ...(defaultSources !== undefined && { defaultSources }),
    ...(type !== undefined && type !== "selectable" && ({ defaultChannel: type === "email" ? "email" : "sms" } as const)),
  };
  return { dialect: "solidx", appId, policy };
}

/** Null if the settings that it depends on are refused. */
function defaultIssuer(values: Values): string | null {
  const tls = toTls(values);
  if (tls === null || values.httpListen === undefined) return null;
  return `${tls.kind === "files" ? "https" : "http"}://localhost:${values.httpListen.port}`;
}

function assemblePolicy(values: Values, mode: Mode, carriers: readonly NamedProviderSpec[]): Policy {
  const cooldownMs = values.resendCooldown!;
  const isDevelopment = mode === "development";
  return {
    ...fixedPolicy,
    brakes: {
      addressSends: values.addressSends!,
      addressIdentifiers: values.addressIdentifiers!,
      addressRegistrations: values.addressRegistrations!,
      addressFailures: values.addressFailures!,
      clientSends: values.clientSends!,
      prefixSends: values.prefixSends!,
      countrySends: values.countrySends!,
      appSends: values.appSends!,
      paidSends: values.paidSends!,
      emailSends: values.emailSends!,
    },
    codeLength: values.codeLength!,
    codeTtlMs: values.codeTtl!,
    resendCooldownMs: cooldownSteps(cooldownMs),
    resendFloorMs: cooldownFloor(cooldownMs),
    autoRegistration: values.autoRegistration!,
    smsCountries: values.smsCountries!,
    publicContactProofs: isDevelopment,
    possiblePhonesSuffice: isDevelopment,
    deliveryDelayMaxMs: isDevelopment ? 0 : 1_000,
    channels: isDevelopment ? channels : channels.filter((channel) => carriers.some((carrier) => carrier.channel === channel)),
    accessTokenTtlMs: values.accessTokenTtl!,
    refreshIdleMs: values.refreshIdle!,
    refreshAbsoluteMs: values.refreshAbsolute!,
    refreshGraceMs: values.refreshGrace!,
  };
}
