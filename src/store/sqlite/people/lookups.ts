import type { Database } from "better-sqlite3";
import { type Channel, contactKindOf } from "../../../model/channel.js";
import type { Contact } from "../../../model/contact.js";
import { type Identifier, isContact } from "../../../model/identifier.js";
import type { CredentialType, Member, MemberKey, MemberState, User } from "../../../model/user.js";
import type { Recipient } from "../../port/challenges.js";
import type { FoundUser, TestHolder } from "../../port/users.js";
import { type MembershipRow, membershipColumns, toMembership } from "../../shared/person-rows.js";
import { toUser, type UserRow, userColumns } from "../rows.js";
import { claimant, countsForPerson, isOfTestAccount, verifiedHolder } from "./holders.js";

/** The person that a contact names in an app, with the state of the membership. It is null for a person who is no member. */
export interface Holder {
  readonly userId: string;
  readonly verified: boolean;
  readonly state: MemberState | null;
  readonly credentialType: CredentialType | null;
}

interface NamedContact {
  readonly poolId: string;
  readonly appId: string;
  readonly contact: Contact;
}

/** Reads of people inside the caller's transaction. */
export interface Lookups {
  /** Finds the person that the identifier names, and the person's contact that the channel reaches. */
  recipient(of: {
    readonly identifier: Identifier;
    readonly channel: Channel;
    readonly poolId: string;
    readonly appId: string;
    readonly trustClaims: boolean;
  }): Recipient | null;
  /** Finds the person that has the contact verified, otherwise the member with the oldest claim that has effect. */
  holder(of: NamedContact & { readonly trustClaims: boolean }): Holder | null;
  /** As `holder`, but any claim counts, also those of test accounts if `tests` is true. */
  ownerOf(of: NamedContact & { readonly tests: boolean }): string | null;
  /** As `holder`, but no claim counts. */
  verifiedOwnerOf(of: NamedContact): string | null;
  /** As `users.findTestHolder`. */
  testHolder(of: NamedContact): TestHolder;
  find(userId: string, appId: string): User | null;
  member(userId: string, appId: string): Member | null;
  named(of: { readonly poolId: string; readonly appId: string; readonly key: MemberKey }): FoundUser | null;
}

interface HolderRow {
  user_id: string;
  state: MemberState | null;
  credential_type: CredentialType | null;
}

interface TestClaimRow {
  user_id: string;
  locale: string;
  state: MemberState;
  /** Whether the claim is of the app that asks. */
  is_own: number;
  is_test: number;
}

type Found = UserRow & { [C in keyof MembershipRow]: MembershipRow[C] | null };

const memberOf = "LEFT JOIN memberships m ON m.app_id = @appId AND m.user_id = u.user_id";
const contact = { pool: "@poolId", app: "@appId", kind: "@kind", value: "@value" };

export function createLookups(db: Database): Lookups {
  const verifiedBy = db.prepare<Params<"poolId" | "appId" | "kind" | "value">, HolderRow>(`
    SELECT o.user_id, m.state, m.credential_type FROM contacts o
    LEFT JOIN memberships m ON m.app_id = @appId AND m.user_id = o.user_id
    WHERE o.pool_id = @poolId AND o.kind = @kind AND o.value = @value`);
  const claimedBy = db.prepare<Params<"appId" | "kind" | "value"> & { trusted: number }, HolderRow>(`
    SELECT m.user_id, m.state, m.credential_type FROM memberships m
    WHERE m.app_id = @appId AND m.user_id = ${claimant({ ...contact, condition: countsForPerson("@trusted") })}`);
  const owner = db
    .prepare<Params<"poolId" | "appId" | "kind" | "value"> & { tests: number }, string | null>(
      `SELECT coalesce(${verifiedHolder(contact)}, ${claimant({ ...contact, condition: `(@tests OR NOT ${isOfTestAccount})` })})`,
    )
    .pluck();
  // A claim of a real person comes first, whatever its app and age. Then those of the app come first.
  const testClaim = db.prepare<Params<"poolId" | "appId" | "kind" | "value">, TestClaimRow>(`
    SELECT l.user_id, u.locale, m.state, l.app_id = @appId AS is_own,
      m.credential_type = 'test' AND NOT EXISTS (SELECT 1 FROM contacts v WHERE v.user_id = l.user_id)
        AND NOT EXISTS (SELECT 1 FROM memberships e WHERE e.user_id = l.user_id AND e.app_id <> l.app_id) AS is_test
    FROM (SELECT app_id FROM apps WHERE pool_id = @poolId UNION SELECT @appId) a
    CROSS JOIN claims l ON l.app_id = a.app_id AND l.kind = @kind AND l.value = @value
    CROSS JOIN memberships m ON m.user_id = l.user_id AND m.app_id = l.app_id
    CROSS JOIN users u ON u.user_id = l.user_id
    ORDER BY is_test, is_own DESC, l.created_at, l.user_id LIMIT 1`);
  const recipientBy = (condition: string) =>
    db.prepare<RecipientParams, HolderRow & { locale: string }>(`
      SELECT u.user_id, u.locale, m.state, m.credential_type FROM users u ${memberOf} WHERE u.pool_id = @poolId AND ${condition}`);
  const recipientByContact = recipientBy(
    `u.user_id = coalesce(${verifiedHolder(contact)}, ${claimant({ ...contact, condition: countsForPerson("@trusted") })})`,
  );
  const recipientByName = { username: recipientBy("u.username = @value"), user_id: recipientBy("u.user_id = @value") };
  const verifiedOfKind = db.prepare<[string, string], Contact>(
    "SELECT kind, value FROM contacts WHERE user_id = ? AND kind = ? ORDER BY rank LIMIT 1",
  );
  // Only claims that sign in this person: a code to another one could not be redeemed.
  const own = { app: "own.app_id", kind: "own.kind", value: "own.value" };
  const claimOfKind = db.prepare<ClaimParams, Contact>(`
    SELECT own.kind, own.value FROM claims own WHERE own.user_id = @userId AND own.app_id = @appId AND own.kind = @kind
      AND ${verifiedHolder({ pool: "@poolId", kind: own.kind, value: own.value })} IS NULL
      AND ${claimant({ ...own, condition: countsForPerson("@trusted") })} = own.user_id
    ORDER BY own.created_at, own.value LIMIT 1`);
  const select = db.prepare<Params<"userId" | "appId">, UserRow>(
    `SELECT ${userColumns("@appId")} FROM users u WHERE u.user_id = @userId`,
  );
  const found = (join: string, condition: string) =>
    `SELECT ${userColumns("@appId")}, ${membershipColumns} FROM ${join} WHERE ${condition}`;
  const foundBy = (condition: string) =>
    db.prepare<Params<"poolId" | "appId"> & { value: string | number }, Found>(
      found(`users u ${memberOf}`, `u.pool_id = @poolId AND ${condition}`),
    );
  const by = {
    user_id: foundBy("u.user_id = @value"),
    number: foundBy("u.number = @value"),
    username: foundBy("u.username = @value"),
    external_id: db.prepare<Params<"poolId" | "appId"> & { value: string | number }, Found>(
      found(
        "memberships m INDEXED BY memberships_by_external_id JOIN users u ON u.user_id = m.user_id",
        "u.pool_id = @poolId AND m.app_id = @appId AND m.external_id = @value",
      ),
    ),
  };
  const memberBy = db.prepare<Params<"userId" | "appId">, UserRow & MembershipRow>(
    found("memberships m JOIN users u ON u.user_id = m.user_id", "m.app_id = @appId AND m.user_id = @userId"),
  );

  function holder({ poolId, appId, contact: { kind, value }, trustClaims }: Parameters<Lookups["holder"]>[0]): Holder | null {
    const verified = verifiedBy.get({ poolId, appId, kind, value });
    const row = verified ?? claimedBy.get({ appId, kind, value, trusted: trustClaims ? 1 : 0 });
    if (row === undefined) return null;
    return { userId: row.user_id, verified: verified !== undefined, state: row.state, credentialType: row.credential_type };
  }

  const ownerOf: Lookups["ownerOf"] = ({ poolId, appId, contact: { kind, value }, tests }) =>
    owner.get({ poolId, appId, kind, value, tests: tests ? 1 : 0 }) ?? null;

  function contactOfKind(of: ClaimParams): Contact | null {
    const verified = verifiedOfKind.get(of.userId, of.kind);
    const claimed = claimOfKind.get(of);
    return verified ?? claimed ?? null;
  }

  return {
    holder,
    ownerOf,
    verifiedOwnerOf({ poolId, appId, contact: { kind, value } }) {
      return verifiedBy.get({ poolId, appId, kind, value })?.user_id ?? null;
    },
    testHolder({ poolId, appId, contact: { kind, value } }) {
      if (verifiedBy.get({ poolId, appId, kind, value }) !== undefined) return { kind: "real" };
      const row = testClaim.get({ poolId, appId, kind, value });
      if (row?.is_test === 0) return { kind: "real" };
      return row === undefined || row.is_own === 0
        ? { kind: "none" }
        : { kind: "test", userId: row.user_id, locale: row.locale, state: row.state };
    },
    // Reads as much for an unknown identifier, so that timing does not reveal whether a user exists.
    recipient({ identifier, channel, poolId, appId, trustClaims }) {
      const kind = contactKindOf[channel];
      const trusted = trustClaims ? 1 : 0;
      const named = isContact(identifier)
        ? recipientByContact.get({ poolId, appId, kind: identifier.kind, value: identifier.value, trusted })
        : recipientByName[identifier.kind].get({ poolId, appId, value: identifier.value });
      const contact =
        isContact(identifier) && identifier.kind === kind
          ? identifier
          : contactOfKind({ userId: named?.user_id ?? "", poolId, appId, kind, trusted });
      if (named === undefined) return null;
      return { userId: named.user_id, locale: named.locale, contact, standing: standingOf(named.state, named.credential_type) };
    },
    find(userId, appId) {
      const row = select.get({ userId, appId });
      return row === undefined ? null : toUser(row);
    },
    member(userId, appId) {
      const row = memberBy.get({ userId, appId });
      return row === undefined ? null : { user: toUser(row), membership: toMembership(row) };
    },
    named({ poolId, appId, key }) {
      const row =
        key.kind === "email" || key.kind === "phone"
          ? by.user_id.get({ poolId, appId, value: ownerOf({ poolId, appId, contact: key, tests: false }) ?? "" })
          : by[key.kind].get({ poolId, appId, value: key.value });
      return row === undefined ? null : { user: toUser(row), membership: isMember(row) ? toMembership(row) : null };
    },
  };
}

type Params<Name extends string> = { readonly [N in Name]: string };
type ClaimParams = Params<"userId" | "appId" | "poolId" | "kind"> & { readonly trusted: number };
type RecipientParams = Params<"poolId" | "appId" | "value"> & { readonly kind?: string; readonly trusted?: number };

function isMember(row: Found): row is UserRow & MembershipRow {
  return row.app_id !== null;
}

function standingOf(state: MemberState | null, credentialType: CredentialType | null): Recipient["standing"] {
  if (state === null) return "stranger";
  if (state === "locked") return "locked";
  return credentialType === "otp" ? "member" : "no_credential";
}
