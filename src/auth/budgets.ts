import { randomJitter } from "../crypto/random.js";
import type { BudgetClaim, BudgetReturn, ChallengeToVerify, Channel, EpochMs, Purpose, SendGuard } from "../store/store.js";
import type { Policy } from "./policy.js";

/** What an allowance is for; the first byte of its key, so that no two kinds meet. */
const kinds = { sendsOfRequester: 1, sends: 2, paidSends: 3, guesses: 4, accountGuesses: 5 } as const;

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

/**
 * The allowances of one guess: of the identifier as given, and of the account behind it, which other identifiers share. Where there
 * is no account the identifier stands in for it, so that a guess costs the same writes whether or not somebody is there.
 */
export function guessClaims(
  policy: Policy,
  challenge: ChallengeToVerify,
): { readonly identifier: BudgetClaim; readonly account: BudgetClaim } {
  const account = challenge.ownerId === null ? challenge.identifierKey : Buffer.from(challenge.ownerId);
  return {
    identifier: { key: keyOf("guesses", challenge.identifierKey), limits: policy.guessesPerIdentifier },
    account: { key: keyOf("accountGuesses", account), limits: policy.guessesPerAccount },
  };
}

/**
 * What a redemption gives back: its own guess, never earlier ones, and the sends of its challenge with the cooldown after them.
 * Paid sends stay counted.
 */
export function redemptionReturns(policy: Policy, challenge: ChallengeToVerify, guessedAt: EpochMs): BudgetReturn[] {
  const { identifier, account } = guessClaims(policy, challenge);
  const returns: BudgetReturn[] = [identifier, account].map(({ key }) => ({ key, spentAt: guessedAt }));
  for (const { at, requesterKey } of challenge.chargedSends) {
    returns.push(
      {
        key: keyOf("sendsOfRequester", challenge.identifierKey, requesterKey),
        spentAt: at,
        holdUntil: at + policy.resendFloorMs,
      },
      { key: keyOf("sends", challenge.identifierKey), spentAt: at },
    );
  }
  return returns;
}
