import { randomJitter } from "../crypto/random.js";
import type { Purpose } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import type { Policy } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import type { BudgetCharge, BudgetReturn, SendReturn } from "../store/port/budgets.js";
import type { ChallengeToVerify, SendGuard } from "../store/port/challenges.js";

/** What an allowance is for; the first byte of its key, so that no two kinds meet. */
const kinds = {
  sendsOfRequester: 1,
  sends: 2,
  paidSends: 3,
  guesses: 4,
  userGuesses: 5,
  guessesOfRequester: 6,
  userGuessesOfRequester: 7,
} as const;

function keyOf(kind: keyof typeof kinds, ...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([Buffer.of(kinds[kind]), ...parts]);
}

/** Channels that cost money by the message. */
const paidChannels: readonly Channel[] = ["sms"];

interface Sending {
  readonly identifierKey: Uint8Array;
  readonly requesterKey: Uint8Array;
  readonly channel: Channel;
}

/**
 * The allowances of one send. They are counted per identifier and requester, with the cooldown, and wider per identifier in total,
 * so that one stranger can't shut the owner out.
 */
export function sendCharges(policy: Policy, { identifierKey, requesterKey, channel }: Sending): BudgetCharge[] {
  const charges: BudgetCharge[] = [
    {
      key: keyOf("sendsOfRequester", identifierKey, requesterKey),
      limits: policy.sendsPerRequester,
      hold: { stepsMs: policy.resendCooldownMs, jitter: randomJitter() },
    },
    { key: keyOf("sends", identifierKey), limits: policy.sendsPerIdentifier },
  ];
  if (paidChannels.includes(channel))
    charges.push({ key: keyOf("paidSends", identifierKey), limits: policy.paidSendsPerIdentifier });
  return charges;
}

/** What a new challenge must not exceed. */
export function sendGuard(policy: Policy, sending: Sending & { readonly purpose: Purpose }): SendGuard {
  return {
    charges: sendCharges(policy, sending),
    live: {
      identifierKey: sending.identifierKey,
      requesterKey: sending.requesterKey,
      purpose: sending.purpose,
      perRequesterMax: policy.liveChallengesPerRequesterMax,
      totalMax: policy.liveChallengesMax,
    },
  };
}

export interface GuessCharges {
  readonly requester: BudgetCharge;
  readonly identifier: BudgetCharge;
  readonly userRequester: BudgetCharge;
  readonly user: BudgetCharge;
}

/**
 * The allowances of one guess. The identifier as given has one per requester and one in total. The user, which its other
 * identifiers share, has the same two, so that no requester can spend its total over several identifiers. Where there is no
 * user the identifier stands in for it, so a guess costs the same writes either way.
 */
export function guessCharges(policy: Policy, challenge: ChallengeToVerify, requesterKey: Uint8Array): GuessCharges {
  const { identifierKey, contactUserId } = challenge;
  const user = contactUserId === null ? identifierKey : Buffer.from(contactUserId);
  return {
    requester: { key: keyOf("guessesOfRequester", identifierKey, requesterKey), limits: policy.guessesPerRequester },
    identifier: { key: keyOf("guesses", identifierKey), limits: policy.guessesPerIdentifier },
    userRequester: {
      key: keyOf("userGuessesOfRequester", user, requesterKey),
      limits: policy.userGuessesPerRequester,
    },
    user: { key: keyOf("userGuesses", user), limits: policy.guessesPerUser },
  };
}

/** What a redemption gives back of guesses: its own, never earlier ones. */
export function guessReturns(charges: GuessCharges, guessedAt: EpochMs): BudgetReturn[] {
  const { requester, identifier, userRequester, user } = charges;
  return [requester, identifier, userRequester, user].map(({ key }) => ({ key, spentAt: guessedAt }));
}

/** What a redemption gives back for each send of its challenge, with the cooldown after it. Paid sends stay counted. */
export function sendReturns(policy: Policy): SendReturn[] {
  return [
    { keyPrefix: keyOf("sendsOfRequester"), ofRequester: true, holdMs: policy.resendFloorMs },
    { keyPrefix: keyOf("sends"), ofRequester: false },
  ];
}
