import { randomJitter } from "../crypto/random.js";
import type {
  BudgetClaim,
  BudgetReturn,
  ChallengeToVerify,
  Channel,
  EpochMs,
  Purpose,
  SendGuard,
  SendReturn,
} from "../store/store.js";
import type { Policy } from "../model/policy.js";

/** What an allowance is for; the first byte of its key, so that no two kinds meet. */
const kinds = {
  sendsOfRequester: 1,
  sends: 2,
  paidSends: 3,
  guesses: 4,
  accountGuesses: 5,
  guessesOfRequester: 6,
  accountGuessesOfRequester: 7,
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
export function sendClaims(policy: Policy, { identifierKey, requesterKey, channel }: Sending): BudgetClaim[] {
  const claims: BudgetClaim[] = [
    {
      key: keyOf("sendsOfRequester", identifierKey, requesterKey),
      limits: policy.sendsPerRequester,
      hold: { stepsMs: policy.resendCooldownMs, jitter: randomJitter() },
    },
    { key: keyOf("sends", identifierKey), limits: policy.sendsPerIdentifier },
  ];
  if (paidChannels.includes(channel))
    claims.push({ key: keyOf("paidSends", identifierKey), limits: policy.paidSendsPerIdentifier });
  return claims;
}

/** What a new challenge must not exceed. */
export function sendGuard(policy: Policy, sending: Sending & { readonly purpose: Purpose }): SendGuard {
  return {
    claims: sendClaims(policy, sending),
    live: {
      identifierKey: sending.identifierKey,
      requesterKey: sending.requesterKey,
      purpose: sending.purpose,
      perRequesterMax: policy.liveChallengesPerRequesterMax,
      totalMax: policy.liveChallengesMax,
    },
  };
}

export interface GuessClaims {
  readonly requester: BudgetClaim;
  readonly identifier: BudgetClaim;
  readonly accountRequester: BudgetClaim;
  readonly account: BudgetClaim;
}

/**
 * The allowances of one guess. The identifier as given has one per requester and one in total. The account, which its other
 * identifiers share, has the same two, so that no requester can spend its total over several identifiers. Where there is no
 * account the identifier stands in for it, so a guess costs the same writes either way.
 */
export function guessClaims(policy: Policy, challenge: ChallengeToVerify, requesterKey: Uint8Array): GuessClaims {
  const { identifierKey, ownerId } = challenge;
  const account = ownerId === null ? identifierKey : Buffer.from(ownerId);
  return {
    requester: { key: keyOf("guessesOfRequester", identifierKey, requesterKey), limits: policy.guessesPerRequester },
    identifier: { key: keyOf("guesses", identifierKey), limits: policy.guessesPerIdentifier },
    accountRequester: {
      key: keyOf("accountGuessesOfRequester", account, requesterKey),
      limits: policy.accountGuessesPerRequester,
    },
    account: { key: keyOf("accountGuesses", account), limits: policy.guessesPerAccount },
  };
}

/** What a redemption gives back of guesses: its own, never earlier ones. */
export function guessReturns(claims: GuessClaims, guessedAt: EpochMs): BudgetReturn[] {
  const { requester, identifier, accountRequester, account } = claims;
  return [requester, identifier, accountRequester, account].map(({ key }) => ({ key, spentAt: guessedAt }));
}

/** What a redemption gives back for each send of its challenge, with the cooldown after it. Paid sends stay counted. */
export function sendReturns(policy: Policy): SendReturn[] {
  return [
    { keyPrefix: keyOf("sendsOfRequester"), ofRequester: true, holdMs: policy.resendFloorMs },
    { keyPrefix: keyOf("sends"), ofRequester: false },
  ];
}
