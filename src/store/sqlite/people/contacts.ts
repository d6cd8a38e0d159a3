import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import { contactsPerKindMax, type UserContact } from "../../../model/user.js";
import type { NewNotice } from "../../port/not-me.js";
import type { ChangeOutcome } from "../../port/users.js";
import type { EraseMessages } from "../messages/erase.js";
import type { PersonChallenges } from "./challenges.js";
import type { PeopleChanges, PersonInApp } from "./changes.js";
import type { Notices } from "./notices.js";

type Refusal = Exclude<ChangeOutcome["kind"], "changed" | "unchanged" | "no_member">;

/** Changes of a member's contacts inside the caller's transaction. */
export interface Contacts {
  /** Returns the reason of a refusal, or null. */
  add(
    of: PersonInApp,
    added: { readonly contact: UserContact; readonly primary: boolean; readonly now: EpochMs },
  ): Refusal | null;
  remove(
    of: PersonInApp,
    removed: { readonly contact: Contact; readonly notice: NewNotice | null; readonly now: EpochMs },
  ): Refusal | null;
  /** Whether the member may have a contact, although others of its kind stay. `replaces` is the value of one that does not. */
  hasRoomFor(of: PersonInApp, contact: Contact, replaces: string | null): boolean;
  /**
   * Removes a contact of the person, also from challenges and messages, and turns those that it could sign in by into decoys. Returns
   * what it had been, or null if it was not verified.
   */
  drop(of: PersonInApp, contact: Contact, now: EpochMs): Dropped | null;
}

/** The place of a verified contact in the order, and when it was verified. */
export interface Dropped {
  readonly rank: number;
  readonly verifiedAt: EpochMs;
}

export function createContacts(
  db: Database,
  {
    changes,
    challenges,
    messages,
    notices,
  }: {
    readonly changes: PeopleChanges;
    readonly challenges: PersonChallenges;
    readonly messages: EraseMessages;
    readonly notices: Notices;
  },
): Contacts {
  const holderOf = db
    .prepare<[string, string, string], string>("SELECT user_id FROM contacts WHERE pool_id = ? AND kind = ? AND value = ?")
    .pluck();
  const claims = db
    .prepare<Omit<PersonInApp, "poolId"> & Contact, number>(
      "SELECT 1 FROM claims WHERE app_id = @appId AND kind = @kind AND value = @value AND user_id = @userId",
    )
    .pluck();
  const contactsOf = db.prepare<Omit<PersonInApp, "poolId">, Contact>(`
    SELECT kind, value FROM contacts WHERE user_id = @userId
    UNION ALL SELECT kind, value FROM claims WHERE user_id = @userId AND app_id = @appId`);
  const verifiedOf = db.prepare<[string], number>("SELECT count(*) FROM contacts WHERE user_id = ?").pluck();
  const makePrimary = db.prepare<{ poolId: string; userId: string } & Contact>(`
    UPDATE contacts SET rank = (SELECT min(rank) - 1 FROM contacts WHERE user_id = @userId AND kind = @kind)
    WHERE pool_id = @poolId AND kind = @kind AND value = @value`);
  const removeContact = db.prepare<[string, string, string, string], Dropped>(
    "DELETE FROM contacts WHERE pool_id = ? AND kind = ? AND value = ? AND user_id = ? RETURNING rank, verified_at AS verifiedAt",
  );
  const removeClaim = db.prepare<Omit<PersonInApp, "poolId"> & Contact>(
    "DELETE FROM claims WHERE app_id = @appId AND kind = @kind AND value = @value AND user_id = @userId",
  );

  function drop({ poolId, appId, userId }: PersonInApp, { kind, value }: Contact, now: EpochMs): Dropped | null {
    const dropped = removeContact.get(poolId, kind, value, userId) ?? null;
    const wasVerified = dropped !== null;
    const wasClaimed = removeClaim.run({ appId, userId, kind, value }).changes > 0;
    if (wasVerified || wasClaimed) {
      messages.ofContact({ userId, contact: { kind, value } });
      challenges.endOfContact({ poolId, appId, userId, contact: { kind, value }, wasVerified, now });
    }
    return dropped;
  }

  function hasRoomFor({ appId, userId }: PersonInApp, { kind, value }: Contact, replaces: string | null): boolean {
    const stay = contactsOf
      .all({ appId, userId })
      .filter((one) => one.kind === kind && one.value !== value && one.value !== replaces);
    return stay.length < contactsPerKindMax;
  }

  return {
    drop,
    hasRoomFor,
    add({ poolId, appId, userId }, { contact: { kind, value, verifiedAt }, primary, now }) {
      const of = { poolId, appId, userId };
      const holder = holderOf.get(poolId, kind, value);
      if (holder !== undefined && holder !== userId) return "taken";
      if (holder === undefined) {
        if (!hasRoomFor(of, { kind, value }, null)) return "too_many_contacts";
        changes.give(of, [{ kind, value, verifiedAt }], now);
      }
      if (primary) makePrimary.run({ poolId, userId, kind, value });
      return null;
    },
    remove(of, { contact, notice, now }) {
      const { appId, userId } = of;
      const isVerified = holderOf.get(of.poolId, contact.kind, contact.value) === userId;
      const isOwn = isVerified || claims.get({ appId, userId, kind: contact.kind, value: contact.value }) !== undefined;
      if (!isOwn) return "no_contact";
      // Otherwise the owner of a claimed contact could sign in as this person, and would be this person in every app of the pool.
      const isLast = isVerified ? verifiedOf.get(userId) === 1 : contactsOf.all({ appId, userId }).length === 1;
      if (isLast) return "last_contact";
      const dropped = drop(of, contact, now);
      if (dropped !== null && notice !== null) {
        notices.add(of, { contact: { ...contact, verifiedAt: dropped.verifiedAt }, wasReplaced: false, notice, now });
      }
      return null;
    },
  };
}
