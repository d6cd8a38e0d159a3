import type { MessageInitShape } from "@bufbuild/protobuf";
import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { PolicyChanges } from "../../apps/update-policy.js";
import {
  type AppPolicySchema,
  type AppPolicy as Message,
  type PolicyOriginSchema,
  PolicySource,
  TokenField,
} from "../../gen/latchkey/v1/app_pb.js";
import type { AppPolicy } from "../../model/app-policy.js";
import type * as policies from "../../model/policy.js";
import { type PolicyOrigin, policyFields, policyKeys } from "../../model/policy-fields.js";
import { fromChannel, toChannel } from "./challenge.js";
import { fromContactKinds, toContactKind } from "./contact.js";
import { fromDuration, toDuration } from "./duration.js";
import { keyOf } from "./enums.js";

const tokenFields = {
  email: TokenField.EMAIL,
  phone: TokenField.PHONE,
  username: TokenField.USERNAME,
  roles: TokenField.ROLES,
} satisfies Record<policies.TokenField, TokenField>;

const sources = {
  app: PolicySource.APP,
  setting: PolicySource.SETTING,
  default: PolicySource.DEFAULT,
} satisfies Record<PolicyOrigin["source"], PolicySource>;

/** Returns the values that the mask names: those of the message, or null if it leaves them unset. */
export function fromPolicy(message: Message | undefined, mask: FieldMask | undefined): PolicyChanges {
  const given = message === undefined ? {} : valuesOf(message);
  const named = policyKeys.filter((key) => mask?.paths.includes(policyFields[key].name));
  return Object.fromEntries(named.map((key) => [key, given[key] ?? null]));
}

function valuesOf(message: Message): AppPolicy {
  return {
    codeLength: message.codeLength,
    codeTtlMs: fromDuration(message.codeTtl),
    attemptsMax: message.attemptsMax,
    lockoutFailures: message.lockoutFailures,
    lockoutDurationMs: fromDuration(message.lockoutDuration),
    resendCooldownMs: fromDuration(message.resendCooldown),
    sendsMax: message.sendsMax,
    sendsPerHour: message.sendsPerHour,
    sendsPerDay: message.sendsPerDay,
    registrationSources: message.registrationSources && fromContactKinds(message.registrationSources.kinds),
    codeSignIn: message.codeSignIn,
    channels: message.channels?.channels.map(fromChannel).filter((channel) => channel !== undefined),
    defaultChannel: fromChannel(message.defaultChannel),
    registration: message.registration,
    autoRegistration: message.autoRegistration,
    publicContactProofs: message.publicContactProofs,
    accessTokenTtlMs: fromDuration(message.accessTokenTtl),
    refreshIdleMs: fromDuration(message.refreshIdle),
    refreshAbsoluteMs: fromDuration(message.refreshAbsolute),
    refreshGraceMs: fromDuration(message.refreshGrace),
    sessionsMax: message.sessionsMax,
    tokenFields: message.tokenFields?.fields.map((field) => keyOf(tokenFields, field)).filter((field) => field !== undefined),
    tokenAttributes: message.tokenAttributes?.names,
    trustClaims: message.trustClaims,
    smsCountries: message.smsCountries?.codes,
    revealUsers: message.revealUsers,
  };
}

export function toPolicy(policy: AppPolicy): MessageInitShape<typeof AppPolicySchema> {
  const { registrationSources, channels, defaultChannel } = policy;
  return {
    codeLength: policy.codeLength,
    codeTtl: toDuration(policy.codeTtlMs),
    attemptsMax: policy.attemptsMax,
    lockoutFailures: policy.lockoutFailures,
    lockoutDuration: toDuration(policy.lockoutDurationMs),
    resendCooldown: toDuration(policy.resendCooldownMs),
    sendsMax: policy.sendsMax,
    sendsPerHour: policy.sendsPerHour,
    sendsPerDay: policy.sendsPerDay,
    registrationSources: registrationSources && { kinds: registrationSources.map(toContactKind) },
    codeSignIn: policy.codeSignIn,
    channels: channels && { channels: channels.map(toChannel) },
    defaultChannel: defaultChannel && toChannel(defaultChannel),
    registration: policy.registration,
    autoRegistration: policy.autoRegistration,
    publicContactProofs: policy.publicContactProofs,
    accessTokenTtl: toDuration(policy.accessTokenTtlMs),
    refreshIdle: toDuration(policy.refreshIdleMs),
    refreshAbsolute: toDuration(policy.refreshAbsoluteMs),
    refreshGrace: toDuration(policy.refreshGraceMs),
    sessionsMax: policy.sessionsMax,
    tokenFields: policy.tokenFields && { fields: policy.tokenFields.map((field) => tokenFields[field]) },
    tokenAttributes: policy.tokenAttributes && { names: [...policy.tokenAttributes] },
    trustClaims: policy.trustClaims,
    smsCountries: policy.smsCountries && { codes: [...policy.smsCountries] },
    revealUsers: policy.revealUsers,
  };
}

export function toPolicyOrigin({ key, source, setting }: PolicyOrigin): MessageInitShape<typeof PolicyOriginSchema> {
  return { field: policyFields[key].name, source: sources[source], setting: setting ?? "" };
}
