import type { Channel } from "./channel.js";
import type { EpochMs } from "./time.js";

/** One sliding window of an allowance. */
export interface Limit {
  readonly max: number;
  readonly windowMs: number;
}

/** What the deployment decided, within the hard bounds. Times are milliseconds. */
export interface Policy {
  readonly codeLength: number;
  readonly codeTtlMs: number;
  readonly attemptsMax: number;
  readonly sendsMax: number;
  readonly liveChallengesPerRequesterMax: number;
  readonly liveChallengesMax: number;
  /** Wait after the first, second, … send of one requester to one identifier; the last one from there on. */
  readonly resendCooldownMs: readonly number[];
  /** What a redemption leaves of the cooldown, counted from the send. */
  readonly resendFloorMs: number;
  readonly sendsPerRequester: readonly Limit[];
  readonly sendsPerIdentifier: readonly Limit[];
  /** Of channels that cost money: counts redeemed sends too. */
  readonly paidSendsPerIdentifier: readonly Limit[];
  readonly guessesPerRequester: readonly Limit[];
  readonly guessesPerIdentifier: readonly Limit[];
  /** Of one requester, over all identifiers of a user. */
  readonly userGuessesPerRequester: readonly Limit[];
  readonly guessesPerUser: readonly Limit[];
  readonly autoRegistration: boolean;
  /** Whether public clients may ask for PURPOSE_VERIFY_CONTACT. */
  readonly publicContactProofs: boolean;
  /** Whether phone numbers need only be possible, not assigned: test numbers in development. */
  readonly possiblePhonesSuffice: boolean;
  /**
   * Up to how long a message waits before it is sent, at random. Sending takes time that other calls feel; only a delay that has
   * nothing to do with the call keeps that from telling which identifiers somebody has.
   */
  readonly deliveryDelayMaxMs: number;
  /** The channels that callers may ask for. */
  readonly channels: readonly Channel[];
  readonly accessTokenTtlMs: number;
  readonly contactProofTtlMs: number;
  readonly refreshIdleMs: number;
  readonly refreshAbsoluteMs: number;
  readonly refreshGraceMs: number;
  readonly sessionsMax: number;
  /** How long after a sign-in a method that asks for a recent one is allowed. */
  readonly recentMs: number;
}

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The longest that any policy lets an access token be good. Contact proofs and id tokens are never good for longer. */
export const accessTokenTtlMaxMs = hour;

/** The parts of the default policy that no setting changes. */
export const fixedPolicy = {
  attemptsMax: 5,
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
  contactProofTtlMs: 5 * minute,
  sessionsMax: 50,
  recentMs: 10 * minute,
} as const satisfies Partial<Policy>;

/** The highest chance that guesses at an identifier may have in a day. */
export const guessChanceMax = 1e-4;

/** How many guesses at an identifier can be made in a day, however many requesters make them. */
export function guessesPerDay({ guessesPerIdentifier }: Pick<Policy, "guessesPerIdentifier">): number {
  return Math.min(...guessesPerIdentifier.map(({ max, windowMs }) => max * Math.max(day / windowMs, 1)));
}

/** The chance of these guesses at codes of `codeLength` digits. */
export function guessChance(policy: Pick<Policy, "guessesPerIdentifier" | "codeLength">): number {
  return guessesPerDay(policy) / 10 ** policy.codeLength;
}

/** 30 s grows to 60, 120, 300, 900 s; another first step scales them all, up to 15 minutes. */
export function cooldownSteps(firstMs: number): number[] {
  return [1, 2, 4, 10, 30].map((factor) => Math.min(firstMs * factor, 15 * minute));
}

/** Whether a sign-in at `authenticatedAt` still counts as recent. */
export function isRecent(policy: Policy, authenticatedAt: EpochMs, now: EpochMs): boolean {
  return now - authenticatedAt <= policy.recentMs;
}
