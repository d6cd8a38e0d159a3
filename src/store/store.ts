/**
 * The store port: everything that Latchkey remembers.
 *
 * Words: a *challenge* is one request to prove possession of a contact; a *send* one attempt to deliver its code; a *decoy* a
 * challenge nobody can redeem; a *session* what a redeemed login buys, with one *family* of refresh tokens counted by
 * *generation*; a *budget* an allowance counted in sliding windows; the *outbox* the codes still to be sent.
 *
 * Rules that hold for every operation and both engines:
 * - It is one atomic step. When the promise resolves it happened whole, and it survives the end of this process; or it did not happen.
 * - What ends or gives something is also flushed to the disk, and to a synchronous standby, when the promise resolves: it survives
 *   loss of power. What only counts or queues is flushed with the next such operation, within a second at most: `issueChallenges`,
 *   `resendChallenge`, `takeAttempt`, `claimMessages`, `settleMessages` and `sweep`. Loss of power, or the crash of a PostgreSQL
 *   server, can undo the latest of these, as if they had never happened. Nothing is lost that a flushed operation came after.
 * - Expected results are returned as outcomes, never thrown: throwing would undo the write that the outcome reports.
 * - It throws `StoreUnavailableError` when the database does not answer, and then nothing was written, or, if the connection was
 *   lost on the way, nobody knows; idempotency keys are for that.
 * - Any number of processes may call at once. Where racers compete for one thing the operation says who wins.
 * - Time comes in as `now`. An engine looks at a clock of its own only to notice a wrong one. Times are milliseconds since 1970,
 *   durations milliseconds.
 */
export type EpochMs = number;

export type ContactKind = "email" | "phone";
export type Channel = "email" | "sms";
export type Purpose = "login" | "registration" | "verify_contact";

/** An address or number in canonical form. */
export interface Contact {
  readonly kind: ContactKind;
  readonly value: string;
}

/** What a caller names a person by, in canonical form. The three kinds never match one another. */
export type Identifier = Contact | { readonly kind: "username"; readonly value: string };

/** Thrown by every operation while the database can't be reached, is full or is read-only. */
export class StoreUnavailableError extends Error {
  override readonly name: string = "StoreUnavailableError";
}

/** Thrown by operations that have to wait too long for others, while the database itself is well; nothing was written. */
export class StoreBusyError extends StoreUnavailableError {
  override readonly name = "StoreBusyError";
}

/** Thrown by every write while all data is being moved to another database, and by every operation once it was. */
export class StoreMovedError extends StoreUnavailableError {
  readonly state: "moving" | "moved";

  /** `target` tells an operator where to, without a secret. */
  constructor(state: "moving" | "moved", target: string) {
    super(
      state === "moving"
        ? `this database is being moved to PostgreSQL (${target}): finish that with \`latchkey migrate --to\`, or give it up with ` +
            "`latchkey migrate --abort`"
        : `this database was moved to PostgreSQL (${target}): set LATCHKEY_DATABASE_URL to that one`,
    );
    this.state = state;
  }
}

// ---------------------------------------------------------------------------------------------------------------- budgets

/**
 * A request to spend one unit of an allowance. It is granted when in each window, counted back from `now`, fewer than `max`
 * units were spent, and no hold is on the key.
 */
export interface BudgetClaim {
  readonly key: Uint8Array;
  readonly limits: readonly { readonly max: number; readonly windowMs: number }[];
  /**
   * Puts a hold on the key when granted: `stepsMs[n] * jitter`, n being the units spent in the longest window before this one
   * (the last step from there on). The cooldown between sends is such a hold.
   */
  readonly hold?: { readonly stepsMs: readonly number[]; readonly jitter: number };
}

/** Gives back the unit of `key` that was spent at `spentAt`; one that is not there any more is no error. */
export interface BudgetReturn {
  readonly key: Uint8Array;
  readonly spentAt: EpochMs;
  /**
   * Shortens a hold on the key to this time, if it is longer; where later units were spent, to as long after the latest of them,
   * so that the floor between two of them stays. Returns of one key come oldest first.
   */
  readonly holdUntil?: EpochMs;
}

/**
 * Gives back one unit for every send that a redeemed challenge was charged for. The sends are those of the row that the redemption
 * holds, so a resend that ends just before it is among them.
 */
export interface SendReturn {
  /** The budget's key is this, then the challenge's `identifierKey` and, with `ofRequester`, the `requesterKey` of the send. */
  readonly keyPrefix: Uint8Array;
  readonly ofRequester: boolean;
  /** Shortens a hold on the key, as `BudgetReturn.holdUntil` does, to this long after the send. */
  readonly holdMs?: number;
}

/** The claim was refused: the earliest time at which the same claim can be granted if nothing else is spent. */
export interface Limited {
  readonly kind: "limited";
  readonly retryAt: EpochMs;
}

// ------------------------------------------------------------------------------------------------------------- challenges

/** A code at rest: everything but the pepper that is needed to hash a guess and compare. Never the code. */
export interface CodeHash {
  readonly profile: string;
  readonly pepperId: string;
  readonly salt: Uint8Array;
  readonly tag: Uint8Array;
}

export interface NewChallenge {
  readonly challengeId: string;
  readonly clientId: string;
  readonly purpose: Purpose;
  readonly channel: Channel;
  /** Keyed hash of the identifier as given: what guesses, sends and siblings are counted by. */
  readonly identifierKey: Uint8Array;
  /** Keyed hash of client and network address of who asked. */
  readonly requesterKey: Uint8Array;
  /** Where the code goes and what redeeming proves. Null only for a decoy of a user name. */
  readonly contact: Contact | null;
  /** The user that a LOGIN signs in. Null: none yet (auto-registration), a decoy, or another purpose. */
  readonly userId: string | null;
  readonly decoy: boolean;
  readonly maskedDestination: string;
  readonly locale: string;
  readonly codeLength: number;
  readonly codeHash: CodeHash;
  /** The code, sealed, for as long as it may have to be sent again. */
  readonly sealedCode: Uint8Array;
  readonly attemptsMax: number;
  readonly sendsMax: number;
  readonly expiresAt: EpochMs;
}

export interface Challenge extends Omit<NewChallenge, "sealedCode"> {
  readonly registrationId: string | null;
  readonly attempts: number;
  readonly sends: number;
  /** From when on the requester of the latest send may ask for another. */
  readonly resendAt: EpochMs;
  readonly createdAt: EpochMs;
  readonly consumedAt: EpochMs | null;
  readonly cancelledAt: EpochMs | null;
}

/** Why a challenge can't be used. Told to the log and to confidential clients, never to public ones. */
export type ChallengeRefusal =
  | "unknown"
  | "foreign_client"
  | "expired"
  | "consumed"
  | "cancelled"
  | "attempts_exhausted"
  | "sends_exhausted"
  | "mismatch"
  | "decoy"
  | "account_budget_spent"
  | "user_gone"
  | "not_expected"
  | "profile_lost";

/** What a new challenge must not exceed: places of one identifier and purpose, and the budgets of its send. */
export interface SendGuard {
  readonly claims: readonly BudgetClaim[];
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

export type PrepareSendOutcome =
  | { readonly kind: "ready"; readonly recipient: Recipient | null }
  | { readonly kind: "replayed"; readonly challenges: readonly Challenge[] }
  | Limited;

/** The user behind an identifier, and the contact of theirs that the channel reaches. */
export interface Recipient {
  readonly userId: string;
  readonly locale: string;
  readonly contact: Contact | null;
}

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
  | { readonly kind: "taken"; readonly accountBudgetSpent: boolean }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal }
  | Limited;

/** A challenge as verification needs it. */
export interface ChallengeToVerify extends Challenge {
  /** Who has the challenge's contact now; their guess budget is charged. Null: nobody. */
  readonly ownerId: string | null;
  /** Of a registration: its sealed profile. */
  readonly sealedProfile: Uint8Array | null;
}

/** A challenge that ended by its expiry: it was somebody's, and its code had not come back. */
export type ExpiredChallenge = Pick<Challenge, "purpose" | "channel">;

// ------------------------------------------------------------------------------------------------------ users and sessions

export interface User {
  readonly userId: string;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  readonly contacts: readonly { readonly kind: ContactKind; readonly value: string; readonly verifiedAt: EpochMs }[];
  /** JSON text of an object, or empty. */
  readonly customAttributes: string;
  readonly createdAt: EpochMs;
}

/** The user that a redemption makes where the contact has none. */
export interface NewUser {
  readonly userId: string;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  readonly customAttributes: string;
}

export interface NewSession {
  readonly sessionId: string;
  /** 16 random bytes that appear nowhere but in the refresh tokens. */
  readonly family: Uint8Array;
  /** The master key that the family's tokens are made with, to the session's end. */
  readonly keyId: string;
  readonly clientId: string;
  readonly ip: string;
  readonly userAgent: string;
  readonly amr: readonly string[];
  readonly expiresAt: EpochMs;
  readonly idleExpiresAt: EpochMs;
}

export interface Session extends NewSession {
  readonly userId: string;
  /** The generation of the newest refresh token; the first is 0. */
  readonly generation: number;
  readonly createdAt: EpochMs;
  readonly lastUsedAt: EpochMs;
}

export interface LiveSession {
  readonly session: Session;
  readonly user: User;
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

export type RotateOutcome =
  | { readonly kind: "rotated"; readonly session: Session }
  | { readonly kind: "replayed"; readonly session: Session }
  /** An older token than the grace allows was presented. The session is revoked. */
  | { readonly kind: "reused"; readonly sessionId: string }
  /** A newer token than the database knows was presented. The session is revoked. */
  | { readonly kind: "lost"; readonly sessionId: string }
  /** Unknown, revoked, expired or another client's. Nothing changed. */
  | { readonly kind: "ended" };

// ----------------------------------------------------------------------------------------------------------------- outbox

/** A message that this process holds the lease of. */
export interface OutboxMessage {
  readonly outboxId: number;
  /** How often sending was begun, this time included. */
  readonly tries: number;
  /** Null: a decoy's, or its challenge is gone, consumed, cancelled or expired. There is nothing to send. */
  readonly delivery: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly purpose: Purpose;
    readonly channel: Channel;
    readonly contact: Contact;
    readonly locale: string;
    readonly sealedCode: Uint8Array;
    readonly expiresAt: EpochMs;
    /** Whether the contact has a user: a registration of it is then worded as a sign-in. */
    readonly hasUser: boolean;
  } | null;
}

/** What became of a claimed message. `tries` is the lease: a settlement of an older claim than the latest does nothing. */
export interface Settlement {
  readonly outboxId: number;
  readonly tries: number;
  /** Null: done with, sent or given up. Else when to try again. */
  readonly retryAt: EpochMs | null;
}

// ------------------------------------------------------------------------------------------------------------------- keys

/** A secret of the deployment, sealed under a master key. */
export interface StoredKey {
  readonly keyId: string;
  readonly use: "lookup" | "signing";
  /** JWS algorithm of a signing key, else empty. */
  readonly alg: string;
  /** Public JWK as JSON text of a signing key, else empty. */
  readonly publicJwk: string;
  readonly sealed: Uint8Array;
  readonly createdAt: EpochMs;
  /** From when on a signing key signs; it is published before. */
  readonly activeAt: EpochMs;
}

/** Proves that a configured key is the one that the data was made with, without telling anything about it. */
export interface KeyCheck {
  readonly use: "master" | "pepper";
  readonly keyId: string;
  readonly check: Uint8Array;
}

// -------------------------------------------------------------------------------------------------------------- operations

export interface Store {
  /**
   * Looks, without writing, at everything that SendOtp and RegisterUser need before they pay for a hash: the outcome of an
   * earlier call with the same `idempotency`, whether the guards would refuse now, and whom `recipientOf` names.
   * It promises nothing: `issueChallenges` decides.
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
   * a guard's first claim becomes the challenge's `resendAt`.
   * Of callers with the same `idempotency` exactly one issues; the others get `replayed` with that one's challenges as they now are.
   * `registration` is the pending registration that the challenges belong to.
   */
  issueChallenges(change: {
    readonly idempotency: Uint8Array | null;
    readonly registration: { readonly registrationId: string; readonly sealedProfile: Uint8Array } | null;
    readonly challenges: readonly { readonly challenge: NewChallenge; readonly guard: SendGuard }[];
    /** When the messages are due; now, if not given. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<IssueOutcome>;

  /** The challenge, whatever its state; null when there is none (any more). */
  findChallenge(challengeId: string): Promise<ChallengeToVerify | null>;

  /**
   * Puts the code of a live challenge into the outbox once more and spends the claims. Racers beyond the budget are `limited`,
   * beyond `sendsMax` refused. The first claim's hold becomes the challenge's `resendAt`.
   */
  resendChallenge(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requesterKey: Uint8Array;
    readonly idempotency: Uint8Array | null;
    readonly claims: readonly BudgetClaim[];
    /** When the message is due; now, if not given. */
    readonly deliverAt?: EpochMs;
    readonly now: EpochMs;
  }): Promise<ResendOutcome>;

  /** Whether the claims would be refused now; writes nothing and promises nothing, like `prepareSend`. Null: they would not. */
  findLimit(query: { readonly claims: readonly BudgetClaim[]; readonly now: EpochMs }): Promise<Limited | null>;

  /**
   * Reserves one attempt to guess, together with one unit of the budgets `requester` (the identifier's with who guesses) and
   * `identifier` (in total): never more than `attemptsMax` in the life of a challenge, however many calls race. `limited` and
   * `refused` spend nothing. The two budgets of the account, `accountRequester` (with who guesses) and `account` (in total), are
   * hidden: a spent one does not refuse. Then the attempt and both units of the identifier are spent, neither of the account is,
   * and the caller must let the guess fail whatever it is. The account's budgets are written all the same, for the same time.
   */
  takeAttempt(change: {
    readonly challengeId: string;
    readonly clientId: string;
    readonly requester: BudgetClaim;
    readonly identifier: BudgetClaim;
    readonly accountRequester: BudgetClaim;
    readonly account: BudgetClaim;
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
  redeemChallenge(change: {
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
   * The outcome that `redeemChallenge` remembered under `idempotency`, with its challenge. Null when there is none, the challenge
   * has expired, or the session was refreshed, revoked or deleted since.
   */
  findRedemption(query: {
    readonly idempotency: Uint8Array;
    readonly now: EpochMs;
  }): Promise<{ readonly challenge: Challenge; readonly redemption: Redemption } | null>;

  /**
   * Spends a refresh token: of racers with one generation exactly one gets `rotated`. The others get `replayed`, the same
   * successor, if they present the immediate predecessor within `graceMs` of its rotation, or with the `idempotency` that it was
   * rotated with for as long as the successor is unused; anything older is `reused`, and by then the session is revoked.
   */
  rotateRefreshToken(change: {
    readonly family: Uint8Array;
    readonly generation: number;
    readonly clientId: string;
    readonly idempotency: Uint8Array | null;
    readonly graceMs: number;
    readonly idleMs: number;
    readonly now: EpochMs;
  }): Promise<RotateOutcome>;

  /** The session and its user, if it is neither revoked nor expired. */
  findLiveSession(query: { readonly sessionId: string; readonly now: EpochMs }): Promise<LiveSession | null>;

  /** Live sessions of a user, most recently used first. */
  listSessions(query: { readonly userId: string; readonly now: EpochMs }): Promise<readonly Session[]>;

  /** Revokes the session of a refresh token family, if it is the client's. False: there was nothing live to revoke. */
  revokeFamily(change: { readonly family: Uint8Array; readonly clientId: string; readonly now: EpochMs }): Promise<boolean>;

  /** Revokes a session, if it is the user's. False: there was nothing live to revoke. Final once it resolved. */
  revokeSession(change: { readonly sessionId: string; readonly userId: string; readonly now: EpochMs }): Promise<boolean>;

  /** Revokes all live sessions of a user but one; gives how many. */
  revokeOtherSessions(change: {
    readonly userId: string;
    readonly keepSessionId: string;
    readonly now: EpochMs;
  }): Promise<number>;

  /** Changes the given fields of a user and leaves the others. Null: the user is gone. */
  updateUser(change: {
    readonly userId: string;
    readonly displayName?: string;
    readonly locale?: string;
    readonly customAttributes?: string;
  }): Promise<User | null>;

  /** Deletes a user with contacts and sessions, and turns the challenges made for them into decoys. False: the user is gone already. */
  deleteUser(change: { readonly userId: string }): Promise<boolean>;

  /**
   * Leases up to `limit` due messages to the caller until `now + leaseMs`; no two callers hold one message at a time. A message
   * whose lease ran out is due again: it is sent at least once, after a crash perhaps twice.
   */
  claimMessages(change: {
    readonly now: EpochMs;
    readonly leaseMs: number;
    readonly limit: number;
  }): Promise<readonly OutboxMessage[]>;

  /** Ends or puts off claimed messages. When a challenge without sends left has no message left, its sealed code is erased. */
  settleMessages(settlements: readonly Settlement[]): Promise<void>;

  /** When the next message is due; null when there is none. */
  nextMessageDueAt(): Promise<EpochMs | null>;

  /** All keys, oldest first. */
  listKeys(): Promise<readonly StoredKey[]>;

  /**
   * Adds a key. Returns false if `ifNewest` is given and is not the id of the newest key of that use; null stands for no key at all.
   * Of racers with the same `ifNewest` exactly one adds.
   */
  addKey(change: { readonly key: StoredKey; readonly ifNewest?: string | null }): Promise<boolean>;

  /** Replaces the sealed form of a key, as `was`, by `sealed`. False: it was not `was` any more. */
  resealKey(change: { readonly keyId: string; readonly was: Uint8Array; readonly sealed: Uint8Array }): Promise<boolean>;

  deleteKey(keyId: string): Promise<void>;

  listKeyChecks(): Promise<readonly KeyCheck[]>;

  /** Adds a check value where there is none for its use and id. */
  addKeyCheck(check: KeyCheck): Promise<void>;

  deleteKeyCheck(check: { readonly use: KeyCheck["use"]; readonly keyId: string }): Promise<void>;

  /** How many live sessions hold tokens made with a master key, and how many live challenges a code hashed with a pepper. */
  countKeyUses(query: { readonly use: KeyCheck["use"]; readonly keyId: string; readonly now: EpochMs }): Promise<number>;

  /** Revokes up to `limit` live sessions whose tokens were made with a master key; gives how many: 0 when there are none left. */
  revokeSessionsOfKey(change: { readonly keyId: string; readonly now: EpochMs; readonly limit: number }): Promise<number>;

  /**
   * Deletes up to `limit` rows that nobody needs any more (challenges an hour after their expiry, ended sessions, …) and erases
   * the sealed codes of expired challenges. `swept` is how many: fewer than `limit` when there is no more to do.
   * `expired` has each challenge that ended by its expiry once in its life, whoever sweeps: when its code is erased, or when it is
   * deleted if its code was erased with its last send. Decoys, redeemed and cancelled ones are not among them.
   */
  sweep(change: {
    readonly now: EpochMs;
    readonly limit: number;
  }): Promise<{ readonly swept: number; readonly expired: readonly ExpiredChallenge[] }>;

  /**
   * Ends what a database brought back from a backup knows less of than the world outside: all challenges with their registrations,
   * messages and remembered calls, and all sessions, of which it gives the number. Users, keys and budgets stay. Kept sessions forget
   * with which call they were last rotated. Afterwards no code, refresh token or call from before does anything.
   */
  endOutstanding(change: { readonly keepSessions: boolean }): Promise<number>;

  /** Overwrites erased data in the files behind the database, where the engine keeps copies. False: a reader was in the way. */
  scrub(): Promise<boolean>;

  /**
   * Resolves when the database answers and can be written to, and, where it has a clock of its own, when that is within 1 s of this
   * machine's: the limits of processes whose clocks differ would not fit together.
   */
  ping(): Promise<void>;

  /** Waits for what was begun, and closes. */
  close(): Promise<void>;
}
