import type { AppCarrier } from "./carrier.js";
import { type Channel, channels } from "./channel.js";
import type { ContactKind } from "./contact.js";
import { cooldownFloor, cooldownSteps, type Policy, type TokenField } from "./policy.js";

/**
 * What an app decides about its policy. A value that is left out is the deployment's setting, or its default. Times are
 * milliseconds.
 */
export interface AppPolicy {
  readonly codeLength?: number;
  readonly codeTtlMs?: number;
  /** Guesses of one challenge. */
  readonly attemptsMax?: number;
  /** Consecutive wrong codes of an account that lock it. 0: it is never locked. */
  readonly lockoutFailures?: number;
  readonly lockoutDurationMs?: number;
  /** The wait after the first send. Later ones are longer, see `cooldownSteps`. */
  readonly resendCooldownMs?: number;
  /** Sends of one challenge, the first included. */
  readonly sendsMax?: number;
  /** Sends of one requester to one identifier in an hour, and in a day. */
  readonly sendsPerHour?: number;
  readonly sendsPerDay?: number;
  /** The contacts that a registration must have and verify. */
  readonly registrationSources?: readonly ContactKind[];
  /** Whether codes sign users in. */
  readonly codeSignIn?: boolean;
  readonly channels?: readonly Channel[];
  /** For identifiers that any channel may serve, such as usernames. */
  readonly defaultChannel?: Channel;
  /** Whether RegisterUser is open to public clients. */
  readonly registration?: boolean;
  readonly autoRegistration?: boolean;
  readonly publicContactProofs?: boolean;
  readonly accessTokenTtlMs?: number;
  readonly refreshIdleMs?: number;
  readonly refreshAbsoluteMs?: number;
  readonly refreshGraceMs?: number;
  readonly sessionsMax?: number;
  /** Fields of the user that tokens carry. */
  readonly tokenFields?: readonly TokenField[];
  /** Names of app attributes that tokens carry. */
  readonly tokenAttributes?: readonly string[];
  readonly trustClaims?: boolean;
  /** ISO 3166-1 alpha-2 codes. They can only narrow those of the deployment. */
  readonly smsCountries?: readonly string[];
  readonly revealUsers?: boolean;
}

/** Where a value of an app's policy comes from. */
export type PolicySource = "app" | "setting" | "default";

const hour = 60 * 60_000;

/** Returns the deployment's policy for an app, which may also use the channels of its own carriers. */
export function withChannelsOf(carriers: readonly AppCarrier[], deployment: Policy): Policy {
  const has = (channel: Channel) => deployment.channels.includes(channel) || carriers.some((own) => own.channel === channel);
  return carriers.length === 0 ? deployment : { ...deployment, channels: channels.filter(has) };
}

/** Returns the policy of an app: its own values, and those of the deployment for all others. */
export function resolvePolicy(own: AppPolicy, deployment: Policy): Policy {
  const { resendCooldownMs, sendsPerHour, sendsPerDay, lockoutFailures, lockoutDurationMs, registrationSources } = own;
  const lockout = {
    failuresMax: lockoutFailures ?? deployment.lockout.failuresMax,
    durationMs: lockoutDurationMs ?? deployment.lockout.durationMs,
  };
  const ownSends = (windowMs: number) => (windowMs === hour ? sendsPerHour : sendsPerDay);
  return {
    ...deployment,
    codeLength: own.codeLength ?? deployment.codeLength,
    codeTtlMs: own.codeTtlMs ?? deployment.codeTtlMs,
    attemptsMax: own.attemptsMax ?? deployment.attemptsMax,
    lockout,
    resendCooldownMs: resendCooldownMs === undefined ? deployment.resendCooldownMs : cooldownSteps(resendCooldownMs),
    resendFloorMs: resendCooldownMs === undefined ? deployment.resendFloorMs : cooldownFloor(resendCooldownMs),
    sendsMax: own.sendsMax ?? deployment.sendsMax,
    sendsPerRequester: deployment.sendsPerRequester.map(({ max, windowMs }) => ({ max: ownSends(windowMs) ?? max, windowMs })),
    // One requester alone must be able to use its sends.
    sendsPerIdentifier: deployment.sendsPerIdentifier.map(({ max, windowMs }) => ({
      max: Math.max(max, ownSends(windowMs) ?? 0),
      windowMs,
    })),
    registrationSources: registrationSources ?? deployment.registrationSources,
    codeSignIn: own.codeSignIn ?? deployment.codeSignIn,
    channels: own.channels?.filter((channel) => deployment.channels.includes(channel)) ?? deployment.channels,
    defaultChannel: own.defaultChannel ?? deployment.defaultChannel,
    registration: own.registration ?? deployment.registration,
    autoRegistration: own.autoRegistration ?? deployment.autoRegistration,
    publicContactProofs: own.publicContactProofs ?? deployment.publicContactProofs,
    accessTokenTtlMs: own.accessTokenTtlMs ?? deployment.accessTokenTtlMs,
    refreshIdleMs: own.refreshIdleMs ?? deployment.refreshIdleMs,
    refreshAbsoluteMs: own.refreshAbsoluteMs ?? deployment.refreshAbsoluteMs,
    refreshGraceMs: own.refreshGraceMs ?? deployment.refreshGraceMs,
    sessionsMax: own.sessionsMax ?? deployment.sessionsMax,
    tokenFields: own.tokenFields ?? deployment.tokenFields,
    tokenAttributes: own.tokenAttributes ?? deployment.tokenAttributes,
    trustClaims: own.trustClaims ?? deployment.trustClaims,
    smsCountries: narrowed(own.smsCountries, deployment.smsCountries),
    revealUsers: own.revealUsers ?? deployment.revealUsers,
  };
}

function narrowed(own: readonly string[] | undefined, deployment: readonly string[] | null): readonly string[] | null {
  if (own === undefined || deployment === null) return own ?? deployment;
  return own.filter((country) => deployment.includes(country));
}
