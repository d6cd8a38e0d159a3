import type { Challenge, ChallengeRefusal, NewChallenge, Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import type { Identifier } from "../../model/identifier.js";
import type { NewSession, Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { NewUser, User } from "../../model/user.js";
import type { BudgetCharge, BudgetReturn, Limited, SendReturn } from "./budgets.js";

/** What a new challenge must not exceed: places of one identifier and purpose, and the budgets of its send. */
export interface SendGuard {
  readonly charges: readonly BudgetCharge[];
  readonly live: {
    readonly identifierKey: Uint8Array;
    readonly requesterKey: Uint8Array;
    readonly purpose: Purpose;
    /** Counts the requester's own challenges until they are redeemed, cancelled or expired. */
    readonly perRequesterMax: number;
    /** Counts all challenges until they expire. A place that was free earlier would show others that the owner has signed in. */
    readonly totalMax: number;
  };
}

/** The user behind an identifier, and the contact of theirs that the channel reaches. */
export interface Recipient {
  readonly userId: string;
  readonly locale: string;
  readonly contact: Contact | null;
}

export type PrepareSendOutcome =
  | { readonly kind: "ready"; readonly recipient: Recipient | null }
  | { readonly kind: "replayed"; readonly challenges: readonly Challenge[] }
  | Limited;

export type IssueOutcome =
  | { readonly kind: "issued"; readonly challenges: readonly Challenge[] }
  | { readonly kind: "replayed"; readonly challenges: readonly Challenge[] }
  | Limited;

export type ResendOutcome =
  | { readonly kind: "resent"; readonly challenge: Challenge }
  | { readonly kind: "replayed"; readonly challenge: Challenge }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal }
  | Limited;

export type AttemptOutcome =
  | { readonly kind: "taken"; readonly userBudgetSpent: boolean }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal }
  | Limited;

/** A challenge as verification needs it. */
export interface ChallengeToVerify extends Challenge {
  /** Who has the challenge's contact now; their guess budget is charged. Null: nobody. */
  readonly contactUserId: string | null;
  /** Of a registration: its sealed profile. */
  readonly sealedProfile: Uint8Array | null;
}

/** What a redemption gave, without secrets: enough to give the same answer again. */
export type Redemption =
  | {
      readonly kind: "signed_in";
      readonly session: Session;
      readonly user: User;
      readonly isNewUser: boolean;
      readonly usernameTaken: boolean;
    }
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] }
  | { readonly kind: "proven" };

export type RedeemOutcome =
  | { readonly kind: "redeemed"; readonly redemption: Redemption }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal };

/** Challenges, the guesses at their codes, and what redeeming them buys. */
export interface Challenges {
  /**
   * Looks, without writing, at everything that SendOtp and RegisterUser need before they pay for a hash: the outcome of an
   * earlier call with the same `idempotency`, whether the guards would refuse now, and whom `recipientOf` names.
   * It promises nothing: `issue` decides.
   */
  prepareSend(query: {
    readonly idempotency: Uint8Array | null;
    /** Whom to look for, by the channel that is to reach them. Null: nobody. */
    readonly recipientOf: { readonly identifier: Identifier; readonly channel: Channel } | null;
    readonly guards: readonly SendGuard[];
    readonly now: EpochMs;
  }): Promise<PrepareSendOutcome>;

  /**
   * Stores challenges with an outbox row each and spends their budgets: all of it, or nothing when one guard refuses. The hold of
   * a guard's first charge becomes the challenge's `resendAt`.
   * Of callers with the same `idempotency` exactly one issues; the others get `replayed` with that one's challenges as they now are.
   * `registration` is the pending registration that the challenges belong to.
   */
  issue(change: {
    readonly idempotency: Uint8Array | null;
    readonly registration: { readonly registrationId: string; readonly sealedProfile: Uint8Array } | null;
    readonly challenges: readonly { readonly challenge: NewChallenge; readonly guard: SendGuard }[];
    /** When the messages are due; now, if not given. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<IssueOutcome>;

  /** The challenge, whatever its state; null when there is none (any more). */
  find(challengeId: string): Promise<ChallengeToVerify | null>;

  /**
   * Puts the code of a live challenge into the outbox once more and spends the charges. Racers beyond the budget are `limited`,
   * beyond `sendsMax` refused. The first charge's hold becomes the challenge's `resendAt`.
   */
  resend(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requesterKey: Uint8Array;
    readonly idempotency: Uint8Array | null;
    readonly charges: readonly BudgetCharge[];
    /** When the message is due; now, if not given. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<ResendOutcome>;

  /** Whether the charges would be refused now; writes nothing and promises nothing, like `prepareSend`. Null: they would not. */
  findLimit(query: { readonly charges: readonly BudgetCharge[]; readonly now: EpochMs }): Promise<Limited | null>;

  /**
   * Reserves one attempt to guess, together with one unit of the budgets `requester` (the identifier's with who guesses) and
   * `identifier` (in total): never more than `attemptsMax` in the life of a challenge, however many calls race. `limited` and
   * `refused` spend nothing. The two budgets of the user, `userRequester` (with who guesses) and `user` (in total), are
   * hidden: a spent one does not refuse. Then the attempt and both units of the identifier are spent, neither of the user is,
   * and the caller must let the guess fail whatever it is. The user's budgets are written all the same, for the same time.
   */
  takeAttempt(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requester: BudgetCharge;
    readonly identifier: BudgetCharge;
    readonly userRequester: BudgetCharge;
    readonly user: BudgetCharge;
    readonly now: EpochMs;
  }): Promise<AttemptOutcome>;

  /**
   * Consumes a challenge whose code was right and gives what it buys: of any number of racers exactly one is `redeemed`.
   * In the same step: the sealed code is erased; siblings end; the returns are made; for LOGIN and REGISTRATION the contact's user
   * is found or made from `newUser` and gets `newSession`, of a user's live sessions the `sessionsMax` - 1 most recently used
   * staying beside it; `idempotency` remembers the outcome.
   * Siblings of a sign-in are all live LOGIN and REGISTRATION challenges for any contact of the user; those of a proof are the
   * live proofs of the same identifier. The requester's own are cancelled. All others become decoys, so their holders see no change.
   * A REGISTRATION with contacts still to be proven is `pending` and ends none. A challenge that is issued while the redemption
   * runs may come after it. Refused, and then nothing changed: not live, `user_gone`, `decoy`.
   */
  redeem(change: {
    readonly challengeId: string;
    readonly idempotency: Uint8Array | null;
    readonly returns: readonly BudgetReturn[];
    readonly sendReturns: readonly SendReturn[];
    readonly newUser: NewUser;
    readonly newSession: NewSession;
    readonly sessionsMax: number;
    readonly now: EpochMs;
  }): Promise<RedeemOutcome>;

  /**
   * The outcome that `redeem` remembered under `idempotency`, with its challenge. Null when there is none, the challenge
   * has expired, or the session was refreshed, revoked or deleted since.
   */
  findRedemption(query: {
    readonly idempotency: Uint8Array;
    readonly now: EpochMs;
  }): Promise<{ readonly challenge: Challenge; readonly redemption: Redemption } | null>;
}
