import type { Brakes } from "./brakes.js";
import type { Channel } from "./channel.js";
import type { ContactKind } from "./contact.js";
import type { Limit } from "./limit.js";
import type { EpochMs } from "./time.js";

/** A field of the user that an app may want in its tokens. */
export type TokenField = "email" | "phone" | "username" | "roles";

/** The rules for the calls of an app, within their hard limits. Times are milliseconds. */
export interface Policy {
  readonly codeLength: number;
  readonly codeTtlMs: number;
  readonly attemptsMax: number;
  /** After this many consecutive wrong codes an account is locked for a time. `failuresMax` 0: never. */
  readonly lockout: { readonly failuresMax: number; readonly durationMs: number };
  readonly sendsMax: number;
  readonly liveChallengesPerRequesterMax: number;
  readonly liveChallengesMax: number;
  /** Waits after the first, second, … send of one requester to one identifier. The last value repeats. */
  readonly resendCooldownMs: readonly number[];
  /** The cooldown that remains after a redemption, counted from the send. */
  readonly resendFloorMs: number;
  readonly sendsPerRequester: readonly Limit[];
  readonly sendsPerIdentifier: readonly Limit[];
  /** For paid channels. Redeemed sends count too. */
  readonly paidSendsPerIdentifier: readonly Limit[];
  readonly guessesPerRequester: readonly Limit[];
  readonly guessesPerIdentifier: readonly Limit[];
  /** For one requester, over all identifiers of a user. */
  readonly userGuessesPerRequester: readonly Limit[];
  readonly guessesPerUser: readonly Limit[];
  /** The contacts that a registration must have and verify. Null: every contact that it gives. */
  readonly registrationSources: readonly ContactKind[] | null;
  /**
   * The contacts that a registration must have and verify if `registrationSources` is null and the request names none. Null: every
   * contact that it gives, whatever the request names.
   */
  readonly defaultSources: readonly ContactKind[] | null;
  /** Shared by all apps. No app changes them. */
  readonly brakes: Brakes;
  /** Whether codes sign users in. */
  readonly codeSignIn: boolean;
  /** Whether public clients may register users. */
  readonly registration: boolean;
  readonly autoRegistration: boolean;
  /** Whether public clients may ask for PURPOSE_VERIFY_CONTACT. */
  readonly publicContactProofs: boolean;
  /** Whether phone numbers need only be possible instead of assigned, so that test numbers work in development. */
  readonly possiblePhonesSuffice: boolean;
  /**
   * Maximum random delay before a message is sent. Sending slows other calls down measurably. Without a delay unrelated to the
   * call, that would reveal which identifiers have a user.
   */
  readonly deliveryDelayMaxMs: number;
  /** The channels that callers may request. */
  readonly channels: readonly Channel[];
  /** For identifiers that any channel may serve, such as usernames. Null: e-mail if it is allowed. */
  readonly defaultChannel: Channel | null;
  /** ISO 3166-1 alpha-2 codes of the countries whose phone numbers get messages. Null: all countries. */
  readonly smsCountries: readonly string[] | null;
  readonly accessTokenTtlMs: number;
  readonly contactProofTtlMs: number;
  readonly refreshIdleMs: number;
  readonly refreshAbsoluteMs: number;
  readonly refreshGraceMs: number;
  readonly sessionsMax: number;
  /** Fields of the user that tokens carry. */
  readonly tokenFields: readonly TokenField[];
  /** The names of the app attributes that tokens carry, each as a claim below `app`. */
  readonly tokenAttributes: readonly string[];
  /** Whether a code sent to a claimed contact signs in a person who has verified another contact. */
  readonly trustClaims: boolean;
  /** Whether the answers of SendOtp and RegisterUser reveal users. */
  readonly revealUsers: boolean;
  /** How long a sign-in counts as recent for methods that require a recent one. */
  readonly recentMs: number;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The longest lifetime of an access token that any policy allows. Contact proofs and id tokens never live longer. */
export const accessTokenTtlMaxMs = hour;

/** The parts of the default policy that no setting changes. */
export const fixedPolicy = {
  attemptsMax: 5,
  lockout: { failuresMax: 0, durationMs: 15 * minute },
  sendsMax: 5,
  liveChallengesPerRequesterMax: 3,
  liveChallengesMax: 10,
  sendsPerRequester: [
    { max: 5, windowMs: hour },
    { max: 10, windowMs: day },
  ],
  sendsPerIdentifier: [
    { max: 15, windowMs: hour },
    { max: 40, windowMs: day },
  ],
  paidSendsPerIdentifier: [{ max: 60, windowMs: day }],
  guessesPerRequester: [
    { max: 10, windowMs: hour },
    { max: 20, windowMs: day },
  ],
  guessesPerIdentifier: [
    { max: 20, windowMs: hour },
    { max: 40, windowMs: day },
  ],
  userGuessesPerRequester: [
    { max: 10, windowMs: hour },
    { max: 20, windowMs: day },
  ],
  guessesPerUser: [
    { max: 20, windowMs: hour },
    { max: 40, windowMs: day },
  ],
  registrationSources: null,
  defaultSources: null,
  codeSignIn: true,
  registration: true,
  defaultChannel: null,
  contactProofTtlMs: 5 * minute,
  sessionsMax: 50,
  tokenFields: [],
  tokenAttributes: [],
  trustClaims: false,
  revealUsers: false,
  recentMs: 10 * minute,
} as const satisfies Partial<Policy>;

/** The highest acceptable chance of guessing a code of an identifier within a day. */
export const guessChanceMax = 1e-4;

/** Returns how many guesses an identifier allows in a day, however many requesters guess. */
export function guessesPerDay({ guessesPerIdentifier }: Pick<Policy, "guessesPerIdentifier">): number {
  return Math.min(...guessesPerIdentifier.map(({ max, windowMs }) => max * Math.max(day / windowMs, 1)));
}

/** Returns the chance that one of these guesses hits a code of `codeLength` digits. */
export function guessChance(policy: Pick<Policy, "guessesPerIdentifier" | "codeLength">): number {
  return guessesPerDay(policy) / 10 ** policy.codeLength;
}

/** With a first step of 30 s the steps are 30, 60, 120, 300 and 900 s. Another first step scales them all, up to 15 minutes. */
export function cooldownSteps(firstMs: number): number[] {
  return [1, 2, 4, 10, 30].map((factor) => Math.min(firstMs * factor, 15 * minute));
}

/** Returns the cooldown that remains after a redemption, if the first step is `firstMs`. */
export function cooldownFloor(firstMs: number): number {
  return Math.min(15_000, firstMs);
}

/** Returns whether a sign-in at `authenticatedAt` still counts as recent. */
export function isRecent(policy: Policy, authenticatedAt: EpochMs, now: EpochMs): boolean {
  return now - authenticatedAt <= policy.recentMs;
}
