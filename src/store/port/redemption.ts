import type { ChallengeRefusal } from "../../model/challenge.js";
import type { Contact, ContactKind } from "../../model/contact.js";
import type { NewSession, Session } from "../../model/session.js";
import type { EpochMs } from "../../model/time.js";
import type { NewMembership, NewUser, User } from "../../model/user.js";
import type { BudgetReturn, SendReturn } from "./budgets.js";
import type { NewNotice } from "./not-me.js";

/** The input of `challenges.redeem`. */
export interface RedeemChange {
  readonly challengeId: string;
  readonly idempotency: Uint8Array | null;
  readonly returns: readonly BudgetReturn[];
  readonly sendReturns: readonly SendReturn[];
  readonly newUser: NewUser;
  readonly newMembership: NewMembership | null;
  readonly trustClaims: boolean;
  readonly newSession: NewSession | null;
  readonly sessionsMax: number;
  readonly lockoutKey: Uint8Array | null;
  /** The notice to a verified contact that the redemption replaces. Default: none. */
  readonly notice?: NewNotice | null;
  readonly now: EpochMs;
}

/** The result of a redemption, without secrets. It is enough to give the same answer again. */
export type Redemption =
  | {
      readonly kind: "signed_in";
      /** Null if the redemption was to start no session. */
      readonly session: Session | null;
      readonly user: User;
      readonly isNewUser: boolean;
      readonly usernameTaken: boolean;
    }
  | { readonly kind: "pending"; readonly pendingSources: readonly ContactKind[] }
  | { readonly kind: "proven" }
  | { readonly kind: "contact_changed"; readonly user: User }
  /** Another person has the contact. The code is consumed, and nothing else changed. */
  | { readonly kind: "contact_taken" };

export type RedeemOutcome =
  | { readonly kind: "redeemed"; readonly redemption: Redemption }
  /** The redemption would create or join a person, and had no `newMembership`. Nothing changed. */
  | {
      readonly kind: "would_register";
      /** Whether the pool does not have the person yet. */
      readonly isNewToPool: boolean;
      /** The contacts that the person would have proven with this redemption: that of the challenge, or all of the registration. */
      readonly contacts: readonly Contact[];
    }
  /** The contact change would give the user more contacts of the kind than one may have. Nothing changed. */
  | { readonly kind: "too_many_contacts" }
  | { readonly kind: "refused"; readonly why: ChallengeRefusal };
