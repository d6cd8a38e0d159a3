import type { AppPolicy } from "../model/app-policy.js";
import { duration, flag, integer } from "./parse.js";
import { both, setting } from "./setting.js";

/** The settings that apply to every app whose policy does not decide otherwise, in the order in which they are shown. */
export const policyTable = {
  codeLength: setting({
    name: "LATCHKEY_CODE_LENGTH",
    topic: "Codes and sessions",
    purpose: "How many digits a code has.",
    unit: "6 to 10 digits",
    defaults: both("6"),
    parse: integer({ min: 6, max: 10 }),
  }),
  codeTtl: setting({
    name: "LATCHKEY_CODE_TTL",
    topic: "Codes and sessions",
    purpose: "How long a code can be redeemed.",
    unit: "duration, at most 10m; in production at least 1m",
    defaults: both("300s"),
    parse: duration({ min: "1ms", productionMin: "60s", max: "600s" }),
  }),
  resendCooldown: setting({
    name: "LATCHKEY_RESEND_COOLDOWN",
    topic: "Codes and sessions",
    purpose: "The wait between the first and the second code to one identifier. Later waits are longer, up to 15 minutes.",
    unit: "duration, at most 15m; in production at least 15s",
    defaults: both("30s"),
    parse: duration({ min: "0", productionMin: "15s", max: "15m" }),
  }),
  accessTokenTtl: setting({
    name: "LATCHKEY_ACCESS_TOKEN_TTL",
    topic: "Codes and sessions",
    purpose: "How long an access token is valid.",
    unit: "duration, at most 1h; in production at least 1m",
    defaults: both("600s"),
    parse: duration({ min: "1s", productionMin: "60s", max: "60m" }),
  }),
  refreshIdle: setting({
    name: "LATCHKEY_REFRESH_IDLE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts without a refresh.",
    unit: "duration, at most 90d",
    defaults: both("7d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshAbsolute: setting({
    name: "LATCHKEY_REFRESH_ABSOLUTE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts at most, with or without refreshes.",
    unit: "duration, at most 90d",
    defaults: both("30d"),
    parse: duration({ min: "1ms", max: "90d" }),
  }),
  refreshGrace: setting({
    name: "LATCHKEY_REFRESH_GRACE",
    topic: "Codes and sessions",
    purpose: "How long a refresh token that was just used returns the same next token again, in case the reply was lost.",
    unit: "duration, at most 60s",
    defaults: both("10s"),
    parse: duration({ min: "0", max: "60s" }),
  }),
  autoRegistration: setting({
    name: "LATCHKEY_AUTO_REGISTRATION",
    topic: "Codes and sessions",
    purpose: "Whether a sign-in with an unknown contact may create a user.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
};

export type PolicySettings = Readonly<Partial<Record<keyof AppPolicy, string>>>;

/** The setting of each value that an app's policy may decide otherwise. */
const settingOf = {
  codeLength: policyTable.codeLength,
  codeTtlMs: policyTable.codeTtl,
  resendCooldownMs: policyTable.resendCooldown,
  accessTokenTtlMs: policyTable.accessTokenTtl,
  refreshIdleMs: policyTable.refreshIdle,
  refreshAbsoluteMs: policyTable.refreshAbsolute,
  refreshGraceMs: policyTable.refreshGrace,
  autoRegistration: policyTable.autoRegistration,
} satisfies Partial<Record<keyof AppPolicy, unknown>>;

/** Returns the names of the policy settings that an environment sets. */
export function policySettingsIn(env: Readonly<Record<string, string | undefined>>): PolicySettings {
  const isSet = (name: string) => env[name] !== undefined || env[`${name}_FILE`] !== undefined;
  const entries = Object.entries(settingOf).map(([key, { name }]) => [key, name] as const);
  return Object.fromEntries(entries.filter(([, name]) => isSet(name)));
}
