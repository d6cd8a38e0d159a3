import type { Contact } from "../../model/contact.js";
import type { EpochMs } from "../../model/time.js";
import type {
  Member,
  MemberKey,
  MemberState,
  Membership,
  NewMembership,
  NewUser,
  User,
  UserContact,
} from "../../model/user.js";
import type { NewNotice } from "./not-me.js";

/** A person of the pool. `membership` is null if the person is no member of the app that asked. */
export interface FoundUser {
  readonly user: User;
  readonly membership: Membership | null;
}

/** A person to create, or to join to the app if the pool has the person already. */
export interface NewMember {
  /** `number` null: the next one. */
  readonly user: NewUser & { readonly number: number | null };
  readonly contacts: readonly UserContact[];
  readonly membership: NewMembership;
}

export type CreateOutcome =
  | { readonly kind: "created"; readonly member: Member }
  /** The person existed in the pool. Only the membership was added. */
  | { readonly kind: "joined"; readonly member: Member }
  | { readonly kind: "already_member"; readonly userId: string }
  /** The value of this field belongs to another person or member, or the contacts belong to two people. Nothing changed. */
  | { readonly kind: "taken"; readonly field: TakenField };

/** The holder of a contact that a test identifier covers. */
export type TestHolder =
  /**
   * A person of the pool has it verified, or a member of any app of the pool claims it who is no test account, has verified another
   * contact, or is a member of another app. The code must not work.
   */
  | { readonly kind: "real" }
  /** The oldest test account of the app with it. */
  | { readonly kind: "test"; readonly userId: string; readonly locale: string; readonly state: MemberState }
  | { readonly kind: "none" };

export type TakenField = "user_id" | "number" | "username" | "email" | "phone" | "external_id";

/** New values of a member, in canonical form. A field without a key stays as it is. Attributes are JSON text. */
export type MemberChanges = Partial<
  Pick<User, "username" | "displayName" | "locale" | "customAttributes"> &
    Pick<Membership, "roles" | "kind" | "ownerOrganization" | "externalId" | "appAttributes">
>;

/** A page of members. Without a prefix they are in the order of their numbers, otherwise in the order of the values. */
export interface MemberQuery {
  readonly poolId: string;
  readonly appId: string;
  /** Compared with canonical forms, byte by byte. Null: all members. */
  readonly prefix: { readonly field: "username" | "email" | "phone"; readonly text: string } | null;
  /** `next` of the page before. Empty: the first page. */
  readonly after: string;
  readonly limit: number;
}

export type ChangeOutcome =
  | { readonly kind: "changed"; readonly member: Member }
  /** The member was locked already, or not locked. Only `setLock` has this outcome. */
  | { readonly kind: "unchanged"; readonly member: Member }
  | { readonly kind: "taken"; readonly field: TakenField }
  | { readonly kind: "too_many_contacts" }
  | { readonly kind: "last_contact" }
  /** The contact to remove is not the user's. */
  | { readonly kind: "no_contact" }
  | { readonly kind: "no_member" };

/**
 * People and their memberships. Redeeming a challenge creates them too.
 *
 * A verified contact has one person in its pool. A *claim* is a contact that an app's backend gave and no code has verified. It
 * belongs to the membership, several people may claim the same one, and it counts in that app alone. It has no effect while
 * another person has the contact verified. A claim of a person with a verified contact has effect only if the app trusts claims and
 * the person is a member of no other app: otherwise one app could open the person's accounts in others. A claim of a member without
 * a credential has no effect. That of a locked member has effect: the contact's owner can't sign in to the app.
 *
 * A *test account* is a member with the credential `test`. Its contacts are claims without effect, and they name nobody: `find` and
 * `create` pass them over, except `create` for another test account. Only the redemption of a test challenge finds it.
 *
 * Operations on one person wait for one another, for redemptions of the person's challenges, and for nothing else.
 */
export interface Users {
  /**
   * Finds a person of the pool. A contact means the person that has it verified, otherwise the member of the app with the oldest
   * claim to it. An external id names members only.
   */
  find(query: { readonly poolId: string; readonly appId: string; readonly key: MemberKey }): Promise<FoundUser | null>;

  /** Says whom the code of a test identifier signs in. */
  findTestHolder(query: { readonly poolId: string; readonly appId: string; readonly contact: Contact }): Promise<TestHolder>;

  /**
   * Lists members. A page may have fewer than `limit` members, or none, although others follow: the work for a page is bounded.
   * `next` is null after the last page.
   */
  list(query: MemberQuery): Promise<{ readonly members: readonly Member[]; readonly next: string | null }>;

  /**
   * Creates people or joins them to the app, each as if alone and in this order. One that is refused changes nothing. Of any number
   * of concurrent calls for one contact exactly one creates the person, and exactly one joins it.
   *
   * The person exists if its user id is given, if it has a given contact verified, or if it is a member of the app and claims one.
   * If some of the given contacts are verified, they alone name the person. A claim to one of them then counts only if it
   * has effect in an app that trusts no claims, and any other given contact that another person has verified is `taken`. A person
   * that exists keeps profile and contacts.
   *
   * A contact with `verifiedAt` that no person has verified is verified from then on; others become claims. The verified contacts
   * of a new person keep their order, so the first of a kind is the primary one.
   */
  create(change: {
    readonly poolId: string;
    readonly appId: string;
    readonly members: readonly NewMember[];
    readonly now: EpochMs;
  }): Promise<readonly CreateOutcome[]>;

  /** People without a given number who are created from now on get numbers above this one, in whatever process. */
  skipNumbers(change: { readonly upTo: number }): Promise<void>;

  /**
   * Changes the given fields of a user and leaves the others. Returns the user as the app sees it, or null if the user does not
   * exist.
   */
  update(
    change: Pick<MemberChanges, "displayName" | "locale" | "customAttributes"> & {
      readonly appId: string;
      readonly userId: string;
    },
  ): Promise<User | null>;

  /** As `update`, for a member of the app. A username or external id of another is `taken`, and nothing changes. */
  updateMember(change: MemberChanges & { readonly appId: string; readonly userId: string }): Promise<ChangeOutcome>;

  /**
   * Locks a member, or ends the lock: the member is then active. Returns `unchanged` if the member was locked already, or had no
   * lock to end; of concurrent calls exactly one changes it. A lock ends the member's sessions in the app and turns the live
   * challenges of the app that could sign the member in into decoys. No session of a locked member exists when the promise
   * resolves, whatever sign-ins and refreshes run at the same time.
   */
  setLock(change: {
    readonly appId: string;
    readonly userId: string;
    readonly locked: boolean;
    readonly now: EpochMs;
  }): Promise<ChangeOutcome>;

  /**
   * Adds a contact to a member, as a claim or verified. A contact that the member has already is verified or made primary where
   * asked. Claims are in the order in which they were made, after the verified contacts. A contact that another person has verified
   * is `taken`. Verifying ends all claims of the app to the contact, and the person's own in other apps.
   */
  addContact(change: {
    readonly appId: string;
    readonly userId: string;
    readonly contact: UserContact;
    readonly primary: boolean;
    readonly now: EpochMs;
  }): Promise<ChangeOutcome>;

  /**
   * Removes a contact of a member: the verified one from the person, a claim from the membership. The last contact of a member and
   * the last verified one of a person are refused as `last_contact`. Live challenges of the contact that could sign this person in
   * become decoys. They lose the contact, and so do ended ones and the person's changes that replace it. Other live ones keep it.
   * A verified contact gets the `notice`, by default none, and is kept for `notMe.takeBack` until that expires.
   */
  removeContact(change: {
    readonly appId: string;
    readonly userId: string;
    readonly contact: Contact;
    readonly notice?: NewNotice | null;
    readonly now: EpochMs;
  }): Promise<ChangeOutcome>;

  /**
   * Ends a membership with its claims, sessions and challenges. The person is erased with the last one. Returns null if there is
   * no such member. A sign-in at the same moment leaves no session.
   */
  leave(change: { readonly appId: string; readonly userId: string; readonly now: EpochMs }): Promise<"left" | "erased" | null>;

  /**
   * Erases a person with all memberships, contacts and sessions. Challenges that were issued for the person become decoys and lose
   * their contact, and so do ended ones for a contact that the person had verified. Live ones that were issued for no person, such
   * as proofs and registrations, stay as they are. Returns false if there is no such person.
   */
  erase(change: { readonly userId: string; readonly now: EpochMs }): Promise<boolean>;
}
