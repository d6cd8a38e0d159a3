import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { PersonInApp } from "./changes.js";

/**
 * Turns live challenges into decoys inside the caller's transaction. They still look live. Otherwise their holders would see what
 * happened to the person.
 */
export interface PersonChallenges {
  /** Ends the challenges of the app that could sign the person in or change the person's contacts. */
  endIn(of: Omit<PersonInApp, "poolId">): void;
  /** Ends the challenges of the pool for a contact that the person had verified and that could sign the person in. */
  endOfContact(of: { readonly poolId: string; readonly contact: Contact }): void;
  /** Ends the challenges of the app for a contact that the person claimed and that could sign the person in. */
  endOfClaim(of: Omit<PersonInApp, "poolId"> & { readonly contact: Contact }): void;
  /**
   * Makes all challenges that were issued for the person decoys, and erases their contacts. Ended ones for a contact of the person
   * lose it too. Live ones that were issued for no person, or for another, stay.
   */
  erase(of: { readonly userId: string; readonly now: EpochMs }): void;
}

const byContact = "c.contact_value = o.value AND c.contact_kind = o.kind AND c.pool_id = o.pool_id";
const byClaim = "c.contact_value = l.value AND c.contact_kind = l.kind AND c.app_id = l.app_id AND c.user_id = l.user_id";
const isLive = "consumed_at IS NULL AND cancelled_at IS NULL";
const signsIn = "purpose IN ('login', 'registration')";

export function createPersonChallenges(db: Database): PersonChallenges {
  const endIn = db.prepare<Omit<PersonInApp, "poolId">>(`
    UPDATE challenges SET decoy = 1, sealed_code = NULL WHERE ${isLive} AND rowid IN (
      SELECT c.rowid FROM contacts o CROSS JOIN challenges c ON ${byContact}
      WHERE o.user_id = @userId AND c.app_id = @appId AND c.${signsIn}
      UNION ALL
      SELECT c.rowid FROM claims l CROSS JOIN challenges c ON ${byClaim} WHERE l.user_id = @userId AND l.app_id = @appId AND c.${signsIn}
      UNION ALL
      SELECT c.rowid FROM challenges c WHERE c.user_id = @userId AND c.purpose IS 'change_contact' AND c.app_id = @appId)`);
  const endOf = (condition: string) =>
    db.prepare<Contact & Partial<PersonInApp>>(`
      UPDATE challenges SET decoy = 1, sealed_code = NULL
      WHERE contact_value = @value AND contact_kind = @kind AND ${signsIn} AND ${isLive} AND ${condition}`);
  const endOfContact = endOf("pool_id = @poolId");
  const endOfClaim = endOf("app_id = @appId AND user_id = @userId");
  const erase = db.prepare<{ userId: string; now: EpochMs }>(`
    UPDATE challenges SET decoy = 1, sealed_code = NULL, contact_kind = NULL, contact_value = NULL, replaces = NULL WHERE rowid IN (
      SELECT c.rowid FROM contacts o CROSS JOIN challenges c ON ${byContact}
      WHERE o.user_id = @userId AND (c.user_id IS @userId OR NOT (${isLiveChallenge("@now")}))
      UNION ALL
      SELECT c.rowid FROM claims l CROSS JOIN challenges c ON ${byClaim} WHERE l.user_id = @userId
      UNION ALL
      SELECT c.rowid FROM challenges c WHERE c.user_id = @userId AND c.purpose IS 'change_contact')`);
  return {
    endIn({ appId, userId }) {
      endIn.run({ appId, userId });
    },
    endOfContact({ poolId, contact: { kind, value } }) {
      endOfContact.run({ poolId, kind, value });
    },
    endOfClaim({ appId, userId, contact: { kind, value } }) {
      endOfClaim.run({ appId, userId, kind, value });
    },
    erase(of) {
      erase.run(of);
    },
  };
}
