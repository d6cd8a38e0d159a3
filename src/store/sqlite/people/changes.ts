import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { Membership, NewMembership, NewUser, UserContact } from "../../../model/user.js";
import { withRanks } from "../../rules/contact-ranks.js";

/** A person of a pool, as an app sees it. */
export interface PersonInApp {
  readonly poolId: string;
  readonly appId: string;
  readonly userId: string;
}

/** Writes of people inside the caller's transaction. The caller has checked that nothing is taken. */
export interface PeopleChanges {
  /** Adds a person, without a membership. `number` null: the next one. */
  add(user: NewUser & { readonly number: number | null }, of: { readonly poolId: string; readonly now: EpochMs }): void;
  join(of: Omit<PersonInApp, "poolId">, made: { readonly membership: NewMembership; readonly now: EpochMs }): void;
  /** Adds contacts that no person has verified: those with a time as verified, the others as claims. */
  give(of: PersonInApp, contacts: readonly UserContact[], now: EpochMs): void;
  /** Ends all claims of the app to a contact that the person has proven, and the person's own in other apps. */
  endClaims(of: Omit<PersonInApp, "poolId">, contact: Contact): void;
  /**
   * Records that the person has proven a contact that no person has verified, and ends the claims to it. `rank` is the order within
   * its kind; by default the contact comes last.
   */
  verify(of: PersonInApp, proven: { readonly contact: Contact; readonly at: EpochMs; readonly rank?: number }): void;
  activate(of: Omit<PersonInApp, "poolId">): void;
  /** Ends the claims and the membership. */
  endMembership(of: Omit<PersonInApp, "poolId">): void;
  /** Removes the person with all memberships and contacts. Returns false if there is no such person. */
  remove(userId: string): boolean;
}

export function createPeopleChanges(db: Database): PeopleChanges {
  const insertUser = db.prepare(`
    INSERT INTO users (number, user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertContact = db.prepare<[string, string, string, string, EpochMs, number]>(
    "INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const insertClaim = db.prepare<[string, string, string, string, EpochMs]>(
    "INSERT INTO claims (app_id, kind, value, user_id, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
  );
  const endClaimsOfApp = db.prepare<[string, string, string]>("DELETE FROM claims WHERE app_id = ? AND kind = ? AND value = ?");
  const endOwnClaims = db.prepare<[string, string, string]>("DELETE FROM claims WHERE user_id = ? AND kind = ? AND value = ?");
  const insertMembership = db.prepare<
    Omit<Membership, "roles" | "joinedAt"> & { userId: string; roles: string; now: EpochMs }
  >(`
    INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, external_id, app_attributes, credential_type,
      state, joined_at)
    SELECT @appId, user_id, number, @roles, @kind, @ownerOrganization, @externalId, @appAttributes, @credentialType, @state, @now
    FROM users WHERE user_id = @userId`);
  const activate = db.prepare<Omit<PersonInApp, "poolId">>(
    "UPDATE memberships SET state = 'active' WHERE app_id = @appId AND user_id = @userId",
  );
  // By default SQLite would look at all claims of the app.
  const endMembership = ["claims INDEXED BY claims_by_user", "memberships"].map((table) =>
    db.prepare<Omit<PersonInApp, "poolId">>(`DELETE FROM ${table} WHERE user_id = @userId AND app_id = @appId`),
  );
  const removeAll = ["claims", "memberships", "contacts", "contact_changes"].map((table) =>
    db.prepare<[string]>(`DELETE FROM ${table} WHERE user_id = ?`),
  );
  const removeUser = db.prepare<[string]>("DELETE FROM users WHERE user_id = ?");

  const endClaims: PeopleChanges["endClaims"] = ({ appId, userId }, { kind, value }) => {
    endClaimsOfApp.run(appId, kind, value);
    endOwnClaims.run(userId, kind, value);
  };
  const verify: PeopleChanges["verify"] = ({ poolId, appId, userId }, { contact, at, rank = at }) => {
    insertContact.run(poolId, contact.kind, contact.value, userId, at, rank);
    endClaims({ appId, userId }, contact);
  };

  return {
    add(user, { poolId, now }) {
      const { number, userId, username, displayName, locale, customAttributes } = user;
      insertUser.run(number, userId, poolId, username, displayName, locale, customAttributes, now);
    },
    join({ appId, userId }, { membership, now }) {
      insertMembership.run({ ...membership, roles: JSON.stringify(membership.roles), appId, userId, now });
    },
    give(of, contacts, now) {
      for (const { rank, verifiedAt, ...contact } of withRanks(contacts)) {
        if (verifiedAt === null) insertClaim.run(of.appId, contact.kind, contact.value, of.userId, now);
        else verify(of, { contact, at: verifiedAt, rank });
      }
    },
    endClaims,
    verify,
    activate(of) {
      activate.run(of);
    },
    endMembership(of) {
      for (const statement of endMembership) statement.run(of);
    },
    remove(userId) {
      for (const statement of removeAll) statement.run(userId);
      return removeUser.run(userId).changes > 0;
    },
  };
}
