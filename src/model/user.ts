import type { Contact, ContactKind } from "./contact.js";
import type { EpochMs } from "./time.js";

/** A contact of a user. `verifiedAt` null: a backend gave it, and no code sent to it has come back yet. */
export interface UserContact {
  readonly kind: ContactKind;
  readonly value: string;
  readonly verifiedAt: EpochMs | null;
}

/** A person of a pool, as one app sees it. */
export interface User {
  readonly userId: string;
  /** Counted up by the database, for systems that need integer ids. */
  readonly number: number;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  /**
   * The verified contacts, which all apps of the pool share, then those that this app only claims. The first of each kind is the
   * primary one.
   */
  readonly contacts: readonly UserContact[];
  /** JSON text of an object, or empty. The user may write it. */
  readonly customAttributes: string;
  readonly createdAt: EpochMs;
}

/** The user that a redemption or an administrator creates if the contact has none. */
export interface NewUser {
  readonly userId: string;
  readonly username: string | null;
  readonly displayName: string;
  readonly locale: string;
  readonly customAttributes: string;
}

/** Whether a member can sign in. `invited`: not signed in yet; messages are worded as invitations. */
export type MemberState = "invited" | "active" | "locked";

/**
 * How a member signs in. `none`: not at all. `test`: only by the codes of test identifiers, which sign in no other member. It is
 * fixed when the membership is made.
 */
export type CredentialType = "otp" | "none" | "test";

/** What an app says about a member when the membership is made. */
export interface NewMembership {
  /** Of the app's list of roles. */
  readonly roles: readonly string[];
  /** A word of the app, such as `patient`. Empty: none. */
  readonly kind: string;
  /** An opaque id. */
  readonly ownerOrganization: string;
  /** The app's own id of the member. No two members of an app share one. Null: none. */
  readonly externalId: string | null;
  /** JSON text of an object, or empty. Only administrators, imports and the registration hook write it. */
  readonly appAttributes: string;
  readonly credentialType: CredentialType;
  readonly state: MemberState;
}

/** The membership of a person in an app. */
export interface Membership extends NewMembership {
  readonly appId: string;
  readonly joinedAt: EpochMs;
}

/** A person with the membership in one app. */
export interface Member {
  readonly user: User;
  readonly membership: Membership;
}

/** How a caller names a member. The app's own id is `external_id`. */
export type MemberKey =
  | Contact
  | { readonly kind: "user_id" | "username" | "external_id"; readonly value: string }
  | { readonly kind: "number"; readonly value: number };

/**
 * Consecutive wrong codes that disable a contact until an administrator, or a sign-in by another contact, restores it (NIST SP
 * 800-63B-4 §3.2.2).
 */
export const contactFailuresMax = 100;

/**
 * How many consecutive wrong codes of one requester at one account count towards `contactFailuresMax`. So it takes several
 * requesters to disable a contact.
 */
export const requesterFailuresMax = 20;

/** How many contacts of one kind a user may have. */
export const contactsPerKindMax = 5;
