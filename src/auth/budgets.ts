import { randomJitter } from "../crypto/random.js";
import type { Purpose } from "../model/challenge.js";
import { type Channel, paidChannels } from "../model/channel.js";
import type { Limit } from "../model/limit.js";
import type { Policy } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import { requesterFailuresMax } from "../model/user.js";
import type { BudgetCharge, BudgetReturn, ChallengeCharge, SendReturn } from "../store/port/budgets.js";
import type { ChallengeToVerify, SendGuard } from "../store/port/challenges.js";
import { keyOf } from "./budget-keys.js";

/** The keys of the budgets that count all sends to an identifier. */
export function sendKeys(budgetKey: Uint8Array): readonly Uint8Array[] {
  return [keyOf("sends", budgetKey), keyOf("paidSends", budgetKey)];
}

/** The key of the budget of one requester's sends to an identifier. */
export function ownSendsKey({ budgetKey, requesterKey }: Pick<Sending, "budgetKey" | "requesterKey">): Uint8Array {
  return keyOf("sendsOfRequester", budgetKey, requesterKey);
}

/** The key of the budget that counts all guesses at an account (see `accountOf`). */
export function userGuessKey(account: Uint8Array): Uint8Array {
  return keyOf("userGuesses", account);
}

interface Sending {
  readonly budgetKey: Uint8Array;
  readonly requesterKey: Uint8Array;
  readonly channel: Channel;
}

/**
 * The two budgets of one send: one for the identifier and requester together, with the cooldown, and a larger one for the
 * identifier in total. So one stranger can't lock the owner out.
 */
export function sendCharges(policy: Policy, sending: Sending): BudgetCharge[] {
  const { budgetKey, channel } = sending;
  return [
    {
      key: ownSendsKey(sending),
      limits: policy.sendsPerRequester,
      hold: { stepsMs: policy.resendCooldownMs, jitter: randomJitter() },
    },
    { key: keyOf("sends", budgetKey), limits: policy.sendsPerIdentifier },
    ...paidCharges(policy, { budgetKey, channel }),
  ];
}

/** The budget of messages to an identifier that cost money. None for e-mail. */
export function paidCharges(policy: Policy, { budgetKey, channel }: Pick<Sending, "budgetKey" | "channel">): BudgetCharge[] {
  if (!paidChannels.includes(channel)) return [];
  return [{ key: keyOf("paidSends", budgetKey), limits: policy.paidSendsPerIdentifier }];
}

/** The limits of a new challenge. How many are live is counted by the exact identifier. */
export function sendGuard(
  policy: Policy,
  sending: Sending & { readonly identifierKey: Uint8Array; readonly purpose: Purpose },
): SendGuard {
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

/** The budget of failed client authentications from one network. */
export function clientFailureCharge(networkKey: Uint8Array, limits: readonly Limit[]): BudgetCharge {
  return { key: keyOf("clientFailures", networkKey), limits };
}

/**
 * The budget of acts that reset the limits of a user: 5 in 24 hours. Each gives strangers new guesses and sends, so without a limit
 * a client with a user's contacts could guess without end.
 */
export function unblockCharge(userId: string): BudgetCharge {
  return { key: keyOf("unblocks", Buffer.from(userId)), limits: [{ max: 5, windowMs: 24 * 60 * 60_000 }] };
}

export interface GuessCharges {
  readonly requester: BudgetCharge;
  readonly identifier: BudgetCharge;
  readonly userRequester: BudgetCharge;
  readonly user: BudgetCharge;
  /** Counts the failures of the contact if `identifier` does not. */
  readonly contact: BudgetCharge | null;
  /** The budgets of the caller's network. They refuse like those of the identifier. */
  readonly network: readonly BudgetCharge[];
}

/**
 * Returns what the budgets and the lockout of an account are counted by: the user that has the challenge's contact. Without a
 * user the identifier takes its place, so that every guess costs the same writes.
 */
export function accountOf({
  identifierKey,
  contactUserId,
}: Pick<ChallengeToVerify, "identifierKey" | "contactUserId">): Uint8Array {
  return contactUserId === null ? identifierKey : Buffer.from(contactUserId);
}

/**
 * The key of all guesses at an identifier with this budget key. The row whose budget key is that of a contact itself also counts
 * the consecutive failures of the contact.
 */
export function guessesKey(budgetKey: Uint8Array): Buffer {
  return keyOf("guesses", budgetKey);
}

/**
 * The budgets of one guess. The identifier as given has one for each requester and one in total. The user has the same two,
 * shared by all of the user's identifiers, so that no requester can spread guesses over several identifiers. `contactKey` is the
 * key of the contact that the code went to, as an identifier. A decoy for a username has no contact, and the username takes its
 * place.
 */
export function guessCharges(
  policy: Policy,
  challenge: Pick<ChallengeToVerify, "identifierKey" | "budgetKey" | "contactUserId">,
  given: {
    readonly requesterKey: Uint8Array;
    readonly contactKey: Uint8Array | null;
    readonly network?: readonly BudgetCharge[];
  },
): GuessCharges {
  const { identifierKey, budgetKey } = challenge;
  const { requesterKey, contactKey, network = [] } = given;
  const namesContact = contactKey !== null && Buffer.compare(contactKey, budgetKey) === 0;
  const contactFailures = contactKey === null ? keyOf("contactFailures", identifierKey) : guessesKey(contactKey);
  const user = accountOf(challenge);
  return {
    requester: { key: keyOf("guessesOfRequester", budgetKey, requesterKey), limits: policy.guessesPerRequester },
    identifier: {
      key: guessesKey(budgetKey),
      limits: policy.guessesPerIdentifier,
      countsFailures: namesContact,
    },
    userRequester: {
      key: keyOf("userGuessesOfRequester", user, requesterKey),
      limits: policy.userGuessesPerRequester,
      failuresShare: requesterFailuresMax,
    },
    user: { key: keyOf("userGuesses", user), limits: policy.guessesPerUser },
    contact: namesContact ? null : { key: contactFailures, limits: [], countsFailures: true },
    network,
  };
}

/** What the budgets of a guess are asked before its challenge is known. */
export interface GuessLook {
  readonly ofChallenge: readonly ChallengeCharge[];
  /** The budgets of the caller's network. */
  readonly charges: readonly BudgetCharge[];
  readonly now: EpochMs;
}

/** The charges of `guessCharges` that refuse openly. */
export function guessLook(
  policy: Policy,
  given: { requesterKey: Uint8Array; network: readonly BudgetCharge[]; now: EpochMs },
): GuessLook {
  const { requesterKey, network, now } = given;
  return {
    ofChallenge: [
      { keyPrefix: keyOf("guessesOfRequester"), keySuffix: requesterKey, limits: policy.guessesPerRequester },
      { keyPrefix: guessesKey(new Uint8Array()), keySuffix: new Uint8Array(), limits: policy.guessesPerIdentifier },
    ],
    charges: network,
    now,
  };
}

/** The units that a redemption gives back for its own guess. Earlier guesses stay counted. */
export function guessReturns(charges: GuessCharges, guessedAt: EpochMs): BudgetReturn[] {
  const { requester, identifier, userRequester, user, contact, network } = charges;
  const all = [requester, userRequester, user, ...(contact === null ? [] : [contact]), ...network];
  // Another spelling of the identifier may be a contact of its own, whose failures stand in this row.
  const keepsFailures = identifier.countsFailures !== true;
  return [{ key: identifier.key, spentAt: guessedAt, keepsFailures }, ...all.map(({ key }) => ({ key, spentAt: guessedAt }))];
}

/**
 * The units that a redemption gives back for each send of its challenge. It also shortens the cooldown. Paid sends stay
 * counted.
 */
export function sendReturns(policy: Policy): SendReturn[] {
  return [
    { keyPrefix: keyOf("sendsOfRequester"), ofRequester: true, holdMs: policy.resendFloorMs },
    { keyPrefix: keyOf("sends"), ofRequester: false },
  ];
}
