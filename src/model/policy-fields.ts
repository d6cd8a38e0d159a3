import type { AppPolicy, PolicySource } from "./app-policy.js";
import { channels } from "./channel.js";
import { countryCodes } from "./phone-number.js";
import { accessTokenTtlMaxMs, type Policy } from "./policy.js";

/** How a value of an app's policy is written, with the hard bounds that no app can exceed. Times are milliseconds. */
export type PolicyField = { readonly name: string } & (
  | { readonly kind: "count"; readonly min: number; readonly max: number }
  | {
      readonly kind: "duration";
      readonly minMs: number;
      /** Replaces `minMs` in production. */
      readonly productionMinMs?: number;
      readonly maxMs: number;
    }
  | { readonly kind: "switch" }
  | { readonly kind: "choice"; readonly members: readonly string[] }
  | { readonly kind: "set"; readonly members: readonly string[]; readonly mayBeEmpty: boolean }
  /** Words that the app chooses, each at most 32 characters `[a-z0-9_]`. */
  | { readonly kind: "words"; readonly max: number }
  /** ISO 3166-1 alpha-2 codes in capitals. Empty: none. */
  | { readonly kind: "countries"; readonly members: readonly string[] }
);

export type PolicyKey = keyof AppPolicy;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/**
 * Every value of an app's policy, by its key in `AppPolicy`. The names are those of the API. The settings that give a value have
 * its bounds.
 */
export const policyFields = {
  codeLength: { name: "code_length", kind: "count", min: 6, max: 10 },
  codeTtlMs: { name: "code_ttl", kind: "duration", minMs: second, productionMinMs: minute, maxMs: 10 * minute },
  attemptsMax: { name: "attempts_max", kind: "count", min: 1, max: 10 },
  lockoutFailures: { name: "lockout_failures", kind: "count", min: 0, max: 100 },
  lockoutDurationMs: { name: "lockout_duration", kind: "duration", minMs: second, maxMs: day },
  resendCooldownMs: { name: "resend_cooldown", kind: "duration", minMs: 0, productionMinMs: 15 * second, maxMs: 15 * minute },
  sendsMax: { name: "sends_max", kind: "count", min: 1, max: 5 },
  sendsPerHour: { name: "sends_per_hour", kind: "count", min: 1, max: 60 },
  sendsPerDay: { name: "sends_per_day", kind: "count", min: 1, max: 60 },
  registrationSources: { name: "registration_sources", kind: "set", members: ["email", "phone"], mayBeEmpty: false },
  codeSignIn: { name: "code_sign_in", kind: "switch" },
  channels: { name: "channels", kind: "set", members: channels, mayBeEmpty: false },
  defaultChannel: { name: "default_channel", kind: "choice", members: channels },
  registration: { name: "registration", kind: "switch" },
  autoRegistration: { name: "auto_registration", kind: "switch" },
  publicContactProofs: { name: "public_contact_proofs", kind: "switch" },
  accessTokenTtlMs: {
    name: "access_token_ttl",
    kind: "duration",
    minMs: second,
    productionMinMs: minute,
    maxMs: accessTokenTtlMaxMs,
  },
  refreshIdleMs: { name: "refresh_idle", kind: "duration", minMs: second, maxMs: 90 * day },
  refreshAbsoluteMs: { name: "refresh_absolute", kind: "duration", minMs: second, maxMs: 90 * day },
  refreshGraceMs: { name: "refresh_grace", kind: "duration", minMs: 0, maxMs: minute },
  sessionsMax: { name: "sessions_max", kind: "count", min: 1, max: 100 },
  tokenFields: { name: "token_fields", kind: "set", members: ["email", "phone", "username", "roles"], mayBeEmpty: true },
  tokenAttributes: { name: "token_attributes", kind: "words", max: 16 },
  trustClaims: { name: "trust_claims", kind: "switch" },
  smsCountries: { name: "sms_countries", kind: "countries", members: countryCodes },
  revealUsers: { name: "reveal_users", kind: "switch" },
} as const satisfies Readonly<Record<PolicyKey, PolicyField>>;

export const policyKeys = Object.keys(policyFields) as readonly PolicyKey[];

/** One value of an app's effective policy. */
export interface PolicyOrigin {
  readonly key: PolicyKey;
  readonly source: PolicySource;
  /** The setting that gives the value. Null unless the source is `setting`. */
  readonly setting: string | null;
}

/** Returns where each value of an app's policy comes from. `settings` has the names of those settings that were set. */
export function policyOrigins(own: AppPolicy, settings: Readonly<Partial<Record<PolicyKey, string>>>): PolicyOrigin[] {
  return policyKeys.map((key) => {
    if (own[key] !== undefined) return { key, source: "app", setting: null };
    const setting = settings[key] ?? null;
    return { key, source: setting === null ? "default" : "setting", setting };
  });
}

/** Returns a policy in the form in which apps write theirs: the inverse of `resolvePolicy`. */
export function effectivePolicy(policy: Policy): AppPolicy {
  const sendsIn = (windowMs: number) => policy.sendsPerRequester.find((limit) => limit.windowMs === windowMs)?.max;
  return {
    codeLength: policy.codeLength,
    codeTtlMs: policy.codeTtlMs,
    attemptsMax: policy.attemptsMax,
    lockoutFailures: policy.lockout.failuresMax,
    lockoutDurationMs: policy.lockout.durationMs,
    resendCooldownMs: policy.resendCooldownMs[0],
    sendsMax: policy.sendsMax,
    sendsPerHour: sendsIn(hour),
    sendsPerDay: sendsIn(day),
    registrationSources: policy.registrationSources ?? undefined,
    codeSignIn: policy.codeSignIn,
    channels: policy.channels,
    defaultChannel: policy.defaultChannel ?? undefined,
    registration: policy.registration,
    autoRegistration: policy.autoRegistration,
    publicContactProofs: policy.publicContactProofs,
    accessTokenTtlMs: policy.accessTokenTtlMs,
    refreshIdleMs: policy.refreshIdleMs,
    refreshAbsoluteMs: policy.refreshAbsoluteMs,
    refreshGraceMs: policy.refreshGraceMs,
    sessionsMax: policy.sessionsMax,
    tokenFields: policy.tokenFields,
    tokenAttributes: policy.tokenAttributes,
    trustClaims: policy.trustClaims,
    smsCountries: policy.smsCountries ?? undefined,
    revealUsers: policy.revealUsers,
  };
}
