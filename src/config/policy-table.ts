import { quote } from "../lib/escape.js";
import type { AppPolicy } from "../model/app-policy.js";
import { type PolicyField, policyFields } from "../model/policy-fields.js";
import { durationText } from "../model/policy-rules.js";
import { duration, flag, integer } from "./parse.js";
import { both, type Setting, SettingError, setting } from "./setting.js";

/** The settings that apply to every app whose policy does not decide otherwise, in the order in which they are shown. */
export const policyTable = {
  codeLength: setting({
    name: "LATCHKEY_CODE_LENGTH",
    topic: "Codes and sessions",
    purpose: "How many digits a code has.",
    defaults: both("6"),
    unit: `${policyFields.codeLength.min} to ${policyFields.codeLength.max} digits`,
    parse: integer(policyFields.codeLength),
  }),
  codeTtl: setting({
    name: "LATCHKEY_CODE_TTL",
    topic: "Codes and sessions",
    purpose: "How long a code can be redeemed.",
    defaults: both("300s"),
    ...within(policyFields.codeTtlMs),
  }),
  resendCooldown: setting({
    name: "LATCHKEY_RESEND_COOLDOWN",
    topic: "Codes and sessions",
    purpose: "The wait between the first and the second code to one identifier. Later waits are longer, up to 15 minutes.",
    defaults: both("30s"),
    ...within(policyFields.resendCooldownMs),
  }),
  accessTokenTtl: setting({
    name: "LATCHKEY_ACCESS_TOKEN_TTL",
    topic: "Codes and sessions",
    purpose: "How long an access token is valid.",
    defaults: both("600s"),
    ...within(policyFields.accessTokenTtlMs),
  }),
  refreshIdle: setting({
    name: "LATCHKEY_REFRESH_IDLE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts without a refresh.",
    defaults: both("7d"),
    ...within(policyFields.refreshIdleMs),
  }),
  refreshAbsolute: setting({
    name: "LATCHKEY_REFRESH_ABSOLUTE",
    topic: "Codes and sessions",
    purpose: "How long a session lasts at most, with or without refreshes.",
    defaults: both("30d"),
    ...within(policyFields.refreshAbsoluteMs),
  }),
  refreshGrace: setting({
    name: "LATCHKEY_REFRESH_GRACE",
    topic: "Codes and sessions",
    purpose: "How long a refresh token that was just used returns the same next token again, in case the reply was lost.",
    defaults: both("10s"),
    ...within(policyFields.refreshGraceMs),
  }),
  autoRegistration: setting({
    name: "LATCHKEY_AUTO_REGISTRATION",
    topic: "Codes and sessions",
    purpose: "Whether a sign-in with an unknown contact may create a user.",
    unit: "on or off",
    defaults: { development: "on", production: "off" },
    parse: flag,
  }),
  smsCountries: setting({
    name: "LATCHKEY_SMS_COUNTRIES",
    topic: "Codes and sessions",
    purpose:
      "The countries whose phone numbers get messages. Each costs money, and fraud favors far ones: name only those that you serve.",
    unit: "ISO 3166-1 alpha-2 codes between commas, `all` or `none`",
    defaults: { development: "all", production: "none" },
    parse: countries,
  }),
};

/** Returns null for all countries. */
function countries(text: string): readonly string[] | null {
  if (text === "all") return null;
  if (text === "none") return [];
  const codes = text.split(",").map((code) => code.trim().toUpperCase());
  const unknown = codes.find((code) => !policyFields.smsCountries.members.includes(code));
  if (unknown === undefined) return [...new Set(codes)];
  throw new SettingError(
    `must be ISO 3166-1 alpha-2 codes between commas such as DE,AT,CH, or all, or none: ${quote(unknown)} is none`,
  );
}

/** How a duration of a policy is written and read, within the bounds that apps have too. */
function within(field: Extract<PolicyField, { kind: "duration" }>): Pick<Setting<number>, "unit" | "parse"> {
  const { minMs, productionMinMs = minMs, maxMs } = field;
  const [min, productionMin, max] = [durationText(minMs), durationText(productionMinMs), durationText(maxMs)];
  const floor = productionMinMs === minMs ? "" : `; in production at least ${productionMin}`;
  return {
    unit: `duration, ${minMs === 0 ? "at most" : `${min} to`} ${max}${floor}`,
    parse: duration({ min, productionMin, max }),
  };
}

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
  smsCountries: policyTable.smsCountries,
} satisfies Partial<Record<keyof AppPolicy, unknown>>;

/** Returns the names of the policy settings that an environment sets. */
export function policySettingsIn(env: Readonly<Record<string, string | undefined>>): PolicySettings {
  const isSet = (name: string) => env[name] !== undefined || env[`${name}_FILE`] !== undefined;
  const entries = Object.entries(settingOf).map(([key, { name }]) => [key, name] as const);
  return Object.fromEntries(entries.filter(([, name]) => isSet(name)));
}
