import type { Challenge, ChallengeRefusal, NewChallenge, Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact } from "../../model/contact.js";
import type { Identifier } from "../../model/identifier.js";
import type { EpochMs } from "../../model/time.js";
import type { BudgetCharge, ChallengeCharge, Limited, SendReturn } from "./budgets.js";
import type { RedeemChange, RedeemOutcome, Redemption } from "./redemption.js";

/** The limits of a new challenge: how many may be live for one identifier and purpose, and the budgets of its send. */
export interface SendGuard {
  readonly charges: readonly BudgetCharge[];
  /**
   * Charges for what the request does not name. They never refuse. If one of them would, none is spent, their rows are written
   * unchanged, and all messages of the call are queued to fail. `prepareSend` ignores them.
   */
  readonly hidden?: readonly BudgetCharge[];
  readonly live: {
    readonly identifierKey: Uint8Array;
    readonly requesterKey: Uint8Array;
    readonly purpose: Purpose;
    /** Counts the requester's own challenges until they are redeemed, cancelled or expired. */
    readonly perRequesterMax: number;
    /** Counts all challenges until they expire. If redeeming freed a place, other callers would see that the user has signed in. */
    readonly totalMax: number;
  };
}

/**
 * The person that an identifier names, and the contact of that person that the channel reaches. `standing` is that in the app: a
 * `stranger` is a person of the pool who is no member, and `no_credential` is a member who can't sign in by code.
 */
export interface Recipient {
  readonly userId: string;
  readonly locale: string;
  readonly contact: Contact | null;
  readonly standing: "member" | "locked" | "no_credential" | "stranger";
}

/** A later message with the code of a challenge. */
export interface LaterMessage {
  readonly channel: Channel;
  readonly dueAt: EpochMs;
}

export type PrepareSendOutcome =
  | { readonly kind: "ready"; readonly recipient: Recipient | null }
  | { readonly kind: "replayed"; readonly challenges: readonly Challenge[] }
  | Limited;

export type IssueOutcome =
  /** `isMuted`: a hidden charge would have refused, so the messages are queued to fail. */
  | { readonly kind: "issued"; readonly challenges: readonly Challenge[]; readonly isMuted?: true }
  | { readonly kind: "replayed"; readonly challenges: readonly Challenge[] }
  | Limited;

export type ResendOutcome =
  /** `isMuted`: a hidden charge would have refused, so the message is queued to fail. */
  | { readonly kind: "resent"; readonly challenge: Challenge; readonly isMuted?: true }
  | { readonly kind: "replayed"; readonly challenge: Challenge }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal }
  | Limited;

/** The lockout of an account in an app: after `failuresMax` consecutive failures it lasts `durationMs`. */
export interface LockoutRule {
  readonly key: Uint8Array;
  readonly failuresMax: number;
  readonly durationMs: number;
}

export type AttemptOutcome =
  /** `lockedUntil` is the end of a lockout that began before this guess. Null: the account is not locked. */
  | {
      readonly kind: "taken";
      readonly userBudgetSpent: boolean;
      readonly lockedUntil: EpochMs | null;
      /** Consecutive failures before this guess, of the charge that counts them. */
      readonly failures: number;
    }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal }
  | Limited;

/** A challenge with the fields that verification needs. */
export interface ChallengeToVerify extends Challenge {
  /**
   * The person that the challenge's contact names in the app now, verified or by an effective claim as at `prepareSend`, and
   * whose guess budget is charged. Null if it names none.
   */
  readonly contactUserId: string | null;
  /** The sealed profile of a registration. Null for other purposes. */
  readonly sealedProfile: Uint8Array | null;
}

/** Challenges, the guesses at their codes, and their redemption. */
export interface Challenges {
  /**
   * Reads what SendOtp and RegisterUser need before they compute a hash: the outcome of an earlier call with the same
   * `idempotency`, whether the guards would refuse now, and the recipient. Writes nothing and reserves nothing: `issue`
   * decides.
   */
  prepareSend(query: {
    readonly idempotency: Uint8Array | null;
    /**
     * The identifier to look up, and the channel that must reach its person. Null to look up nothing. A claim of the app names a
     * person if it has effect (see `Users`); `trustClaims` is the app's policy.
     */
    readonly recipientOf: {
      readonly identifier: Identifier;
      readonly channel: Channel;
      readonly poolId: string;
      readonly appId: string;
      readonly trustClaims: boolean;
    } | null;
    readonly guards: readonly SendGuard[];
    readonly now: EpochMs;
  }): Promise<PrepareSendOutcome>;

  /**
   * Stores challenges with one outbox row each, and one more for each message of `later`, and spends their budgets. Later messages
   * count as no sends of the challenge. If one guard refuses, nothing is stored or spent. The
   * hold of a guard's first charge becomes the challenge's `resendAt`. Of concurrent calls with the same `idempotency` exactly
   * one issues. The others get `replayed` with its challenges in their present state. `registration` is the pending
   * registration of the challenges.
   */
  issue(change: {
    readonly idempotency: Uint8Array | null;
    readonly registration: { readonly registrationId: string; readonly sealedProfile: Uint8Array } | null;
    readonly challenges: readonly {
      readonly challenge: NewChallenge;
      readonly guard: SendGuard;
      /** Default: none. */
      readonly later?: readonly LaterMessage[];
    }[];
    /** When the messages are due. Default: now. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<IssueOutcome>;

  /**
   * Returns the challenge in any state, or null if it does not exist or was swept. `trustClaims` is the app's policy, by default
   * false.
   */
  find(challengeId: string, trustClaims?: boolean): Promise<ChallengeToVerify | null>;

  /**
   * Returns what `find` returns, and the refusal that the charges of a guess at the challenge would get now. `limited` is null if they
   * would be granted or there is no challenge. Writes and reserves nothing.
   */
  findToGuess(query: {
    readonly challengeId: string;
    readonly trustClaims: boolean;
    readonly ofChallenge: readonly ChallengeCharge[];
    readonly charges: readonly BudgetCharge[];
    readonly now: EpochMs;
  }): Promise<{ readonly challenge: ChallengeToVerify | null; readonly limited: Limited | null }>;

  /**
   * Returns the newest live challenge of a client for an identifier, purpose and requester, even if it has no attempts or sends
   * left, with what its call said about its messages. Returns null if there is none.
   */
  findNewest(query: {
    readonly clientId: string;
    readonly identifierKey: Uint8Array;
    readonly requesterKey: Uint8Array;
    readonly purpose: Purpose;
    readonly now: EpochMs;
  }): Promise<(Challenge & Pick<NewChallenge, "words">) | null>;

  /** Returns the times of the sends of a challenge, oldest first. Empty if it does not exist. */
  listSends(challengeId: string): Promise<readonly EpochMs[]>;

  /**
   * Ends a live challenge of the app without redeeming it: `cancel` only ends it, `approve` consumes it as if its code had come
   * back, with no effect but its returns. Erases the sealed code. A registration ends with any of its challenges, because that
   * contact can't be proven any more, and its other challenges are cancelled. Of concurrent calls, redemptions included, exactly
   * one ends the challenge. Returns null if this call did, otherwise the reason: `unknown`, also for another app's challenge, or
   * why it was not live.
   */
  end(change: {
    readonly challengeId: string;
    readonly appId: string;
    readonly how: "cancel" | "approve";
    readonly sendReturns: readonly SendReturn[];
    readonly now: EpochMs;
  }): Promise<ChallengeRefusal | null>;

  /** Returns the end of a lockout that lasts at `now`, or null. */
  findLockout(query: { readonly key: Uint8Array; readonly now: EpochMs }): Promise<EpochMs | null>;

  /**
   * Puts the code of a live challenge into the outbox again and spends the charges. Concurrent calls beyond the budget are
   * `limited`; those beyond `sendsMax` are refused. The hold of the first charge becomes the challenge's `resendAt`. `channel` is
   * that of this message only; the challenge keeps its own.
   */
  resend(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requesterKey: Uint8Array;
    readonly idempotency: Uint8Array | null;
    readonly charges: readonly BudgetCharge[];
    /** As in `SendGuard`. */
    readonly hidden?: readonly BudgetCharge[];
    /** A channel that delivers to the challenge's contact. Default: the challenge's channel. */
    readonly channel?: Channel | null;
    /** When the message is due. Default: now. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<ResendOutcome>;

  /**
   * Returns the refusal that the charges would get now, or null if they would be granted. Writes and reserves nothing, like
   * `prepareSend`.
   */
  findLimit(query: { readonly charges: readonly BudgetCharge[]; readonly now: EpochMs }): Promise<Limited | null>;

  /**
   * Reserves one attempt to guess a code. A challenge never gets more than `attemptsMax` attempts, however many calls run at
   * once. Spends one unit of each of the identifier's two budgets: `requester` counts guesses of this requester, `identifier`
   * counts all. If the outcome is `limited` or `refused`, nothing is spent.
   * The two budgets of the user, `userRequester` and `user`, are hidden: they never refuse. If one of them is exhausted,
   * `userBudgetSpent` is true, and the caller must fail the guess even if the code is right. The attempt and the identifier's
   * units are then spent and the user's are not. The user's rows are still written, so that the call takes the same time.
   * Such a guess is no failure of the contact either, because no code could succeed.
   * With `lockout` the guess also counts as a failure of the account, until a redemption clears it or 30 days pass without
   * another. The failure that reaches `failuresMax` begins a lockout, and during one nothing is counted. After it the count
   * starts at 0. A lockout never refuses: the caller must fail the guess.
   */
  takeAttempt(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requester: BudgetCharge;
    readonly identifier: BudgetCharge;
    readonly userRequester: BudgetCharge;
    readonly user: BudgetCharge;
    /** Counts the failures of the challenge's contact if `identifier` does not. Null: `identifier` counts them. */
    readonly contact: BudgetCharge | null;
    /** The budgets of the caller's network. They refuse as `requester` does. Default: none. */
    readonly network?: readonly BudgetCharge[];
    readonly lockout: LockoutRule | null;
    readonly now: EpochMs;
  }): Promise<AttemptOutcome>;

  /**
   * Records that the registration hook is about to be called for a challenge. Returns true unless another call did so in the last
   * `claimMs` milliseconds. So one caller at a time calls the hook, and another one may if the first has failed.
   */
  claimHook(change: { readonly challengeId: string; readonly claimMs: number; readonly now: EpochMs }): Promise<boolean>;

  /**
   * Consumes a challenge whose code was right and returns the result. Of any number of concurrent calls exactly one is
   * `redeemed`. A refusal changes nothing. Possible refusals: those of a challenge that is not live, `decoy` and `user_gone`.
   * The same transaction does the rest:
   * - It erases the sealed code, makes the returns and remembers the outcome under `idempotency`.
   * - LOGIN and REGISTRATION find the contact's person in the challenge's pool, or create one from `newUser`, and start
   *   `newSession`, if it is not null. Of the user's other sessions in the app the `sessionsMax` - 1 most recently used stay; the
   *   rest end. A locked member, or one without a credential, is refused as `user_locked`.
   * - A person who is no member is joined with `newMembership`, if the challenge was not issued for a certain user; otherwise the
   *   refusal is `user_gone`. The app's claims to the contact end then. `isNewUser` is true for a person who is created or joined.
   *   An invited member becomes active.
   * - If `newMembership` is null, no person is created or joined: where one would be, the outcome is `would_register`. The caller
   *   asks the registration hook and redeems again. A `pending` registration and a sign-in of a member do not need it.
   * - If no person has verified the contact and members of the app claim it, the oldest claim that has effect counts (see `Users`;
   *   the app trusts claims if `trustClaims` is true). The contact is verified for that person, whose other sessions in the app
   *   end. If no claim has effect, a new person is created, unless the challenge was issued for a certain user. Either way all
   *   claims of the app to the contact end.
   * - CHANGE_CONTACT gives the contact to the challenge's user, verified, and removes the contact that it replaces, as
   *   `users.removeContact` does. A verified contact that is replaced gets the `notice`. The new contact takes the place of the old
   *   one in the order. If another person has it, the redemption is `contact_taken`. A user without room for it gets
   *   `too_many_contacts`, however many changes run at once. A user that is no active member is refused as `user_gone`.
   * - The failures and the lockout under `lockoutKey` are cleared.
   * - A REGISTRATION with contacts left to prove is `pending`: it starts no session and ends no siblings.
   * - Siblings end. Those of a sign-in are the app's live LOGIN and REGISTRATION challenges for any contact of the user; those of
   *   a proof are the app's live proofs of the same identifier; those of a change are the user's live changes to the same contact.
   *   The requester's own are cancelled. All others become decoys, so that their holders see no change. A challenge that is issued
   *   during the redemption may stay live.
   */
  redeem(change: RedeemChange): Promise<RedeemOutcome>;

  /**
   * Returns what `redeem` remembered under `idempotency`, with its challenge. Returns null if nothing is remembered, if the
   * challenge has expired, or if the session was refreshed or ended since.
   */
  findRedemption(query: {
    readonly idempotency: Uint8Array;
    readonly now: EpochMs;
  }): Promise<{ readonly challenge: Challenge; readonly redemption: Redemption } | null>;
}
