import type { Channel } from "./channel.js";
import type { Contact } from "./contact.js";
import type { EpochMs } from "./time.js";
import type { MessageWords } from "./wording.js";

export type Purpose = "login" | "registration" | "verify_contact" | "change_contact";

/** The stored form of a code: everything except the pepper that is needed to check a guess. It never contains the code. */
export interface CodeHash {
  readonly profile: string;
  readonly pepperId: string;
  readonly salt: Uint8Array;
  readonly tag: Uint8Array;
}

export interface NewChallenge {
  readonly challengeId: string;
  readonly poolId: string;
  readonly appId: string;
  readonly clientId: string;
  readonly purpose: Purpose;
  readonly channel: Channel;
  /** Keyed hash of the identifier as given. Guesses, sends and siblings are counted by it. */
  readonly identifierKey: Uint8Array;
  /** The key of the identifier's budgets. The spellings of one mailbox or phone number share it. */
  readonly budgetKey: Uint8Array;
  /** Keyed hash of the requester: the network address, with the client if that is confidential. */
  readonly requesterKey: Uint8Array;
  /** The contact that the code goes to and that redeeming proves. Null only for a decoy whose contact is not known. */
  readonly contact: Contact | null;
  /**
   * The user that a LOGIN signs in, or whose contact a CHANGE_CONTACT changes. Null for a person still to be created or joined
   * (auto-registration), a decoy, or another purpose.
   */
  readonly userId: string | null;
  /** The contact, of the same kind, that a CHANGE_CONTACT removes. Null: none. */
  readonly replaces: string | null;
  readonly decoy: boolean;
  /** Whether it was requested for a test identifier. Nothing is sent then, and it redeems for a test account alone. */
  readonly isTest: boolean;
  readonly maskedDestination: string;
  readonly locale: string;
  readonly codeLength: number;
  readonly codeHash: CodeHash;
  /** The sealed code, kept as long as it may have to be sent again. */
  readonly sealedCode: Uint8Array;
  /** What the call says about the messages. Left out: nothing. */
  readonly words?: MessageWords | undefined;
  readonly attemptsMax: number;
  readonly sendsMax: number;
  readonly expiresAt: EpochMs;
}

export interface Challenge extends Omit<NewChallenge, "sealedCode" | "words"> {
  readonly registrationId: string | null;
  readonly attempts: number;
  readonly sends: number;
  /** When the requester of the latest send may ask for another. */
  readonly resendAt: EpochMs;
  readonly createdAt: EpochMs;
  readonly consumedAt: EpochMs | null;
  readonly cancelledAt: EpochMs | null;
}

/** Whether the code of a challenge can still be redeemed. */
export type ChallengeState = "pending" | "redeemed" | "expired" | "cancelled" | "exhausted";

/** Why a challenge can't be used. The log has the exact reason; public clients never see it. */
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
  | "test_ended"
  | "user_budget_spent"
  | "account_locked"
  | "user_gone"
  | "user_locked"
  | "contact_disabled"
  | "hook_running"
  | "not_expected"
  | "superseded"
  | "profile_lost";
