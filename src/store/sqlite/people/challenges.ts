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
  /**
   * Ends the challenges for a removed contact that could sign the person in, and takes the contact off these, off ended ones and
   * off the person's changes that replace it, so that it is stored nowhere. Those of the pool if the person had it verified,
   * otherwise those of the app for the person.
   */
  endOfContact(of: PersonInApp & { readonly contact: Contact; readonly wasVerified: boolean; readonly now: EpochMs }): void;
  /** Ends the live changes of the person's contacts, in all apps. */
  endChangesOf(of: { readonly userId: string; readonly now: EpochMs }): void;
  /**
   * Makes all challenges that were issued for the person decoys, and erases their contacts. Ended ones for a contact of the person
   * lose it too. Live ones that were issued for no person, or for another, stay.
   */
  erase(of: { readonly userId: string; readonly now: EpochMs }): void;
}

export const byContact = "c.contact_value = o.value AND c.contact_kind = o.kind AND c.pool_id = o.pool_id";
export const byClaim =
  "c.contact_value = l.value AND c.contact_kind = l.kind AND c.app_id = l.app_id AND c.user_id = l.user_id";
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
  const lives = isLiveChallenge("@now");
  const endOf = (condition: string) =>
    db.prepare<Contact & Partial<PersonInApp> & { now: EpochMs }>(`
      UPDATE challenges AS c SET contact_kind = NULL, contact_value = NULL, decoy = c.decoy OR ${lives},
        sealed_code = CASE WHEN NOT (${lives}) THEN c.sealed_code END
      WHERE c.contact_value = @value AND c.contact_kind = @kind AND (c.${signsIn} OR NOT (${lives})) AND ${condition}`);
  const endOfVerified = endOf("c.pool_id = @poolId");
  const endOfClaimed = endOf("c.app_id = @appId AND c.user_id = @userId");
  const endReplaces = db.prepare<[string, string]>(
    "UPDATE challenges SET replaces = NULL WHERE user_id = ? AND purpose IS 'change_contact' AND replaces = ?",
  );
  const endChanges = db.prepare<{ userId: string; now: EpochMs }>(`
    UPDATE challenges AS c SET decoy = 1, sealed_code = NULL
    WHERE c.user_id = @userId AND c.purpose IS 'change_contact' AND c.decoy = 0 AND ${lives}`);
  const erase = db.prepare<{ userId: string; now: EpochMs }>(`
    UPDATE challenges SET decoy = decoy OR user_id IS NOT NULL, sealed_code = NULL, contact_kind = NULL, contact_value = NULL,
      replaces = NULL
    WHERE rowid IN (
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
    endOfContact({ poolId, appId, userId, contact: { kind, value }, wasVerified, now }) {
      if (wasVerified) endOfVerified.run({ poolId, kind, value, now });
      else endOfClaimed.run({ appId, userId, kind, value, now });
      endReplaces.run(userId, value);
    },
    endChangesOf(of) {
      endChanges.run(of);
    },
    erase(of) {
      erase.run(of);
    },
  };
}
