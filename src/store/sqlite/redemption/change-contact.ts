import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { People } from "../people/people.js";
import type { Effect } from "./effect.js";

/**
 * Gives the proven contact to the challenge's user. A contact that it replaces is removed, and the new one takes its place in
 * the order. If another person has the contact, only the challenge is consumed. The user's other live changes to the same contact
 * end.
 */
export function createChangeContact(db: Database, { lookups, changes, contacts, notices }: People): Effect {
  const siblings = db
    .prepare<{ identifierKey: Uint8Array; appId: string; userId: string; now: EpochMs }, string>(`
      SELECT c.challenge_id FROM challenges c
      WHERE c.identifier_key = @identifierKey AND c.purpose = 'change_contact' AND c.app_id = @appId AND c.user_id = @userId
        AND ${isLiveChallenge("@now")}`)
    .pluck();
  return {
    decide(
      { pool_id: poolId, app_id: appId, identifier_key: identifierKey, user_id: userId, replaces },
      contact,
      { notice = null, now },
    ) {
      const membership = userId === null ? undefined : lookups.member(userId, appId)?.membership;
      // A test account never verifies a contact.
      if (userId === null || membership?.state !== "active" || membership.credentialType === "test") return "user_gone";
      const holder = lookups.holder({ poolId, appId, contact, trustClaims: false });
      if (holder?.verified === true && holder.userId !== userId) {
        return () => ({ redemption: { kind: "contact_taken" }, siblings: [] });
      }
      const of = { poolId, appId, userId };
      if (!contacts.hasRoomFor(of, contact, replaces)) return { kind: "too_many_contacts" };
      return () => {
        const isReplaced = replaces !== null && replaces !== contact.value;
        const old = { kind: contact.kind, value: replaces ?? "" };
        const dropped = isReplaced ? contacts.drop(of, old, now) : null;
        if (dropped !== null && notice !== null) {
          notices.add(of, { contact: { ...old, verifiedAt: dropped.verifiedAt }, wasReplaced: true, notice, now });
        }
        if (holder?.verified !== true) changes.verify(of, { contact, at: now, ...(dropped && { rank: dropped.rank }) });
        return {
          redemption: { kind: "contact_changed", user: lookups.find(userId, appId)! },
          siblings: siblings.all({ identifierKey, appId, userId, now }),
          remembered: { userId },
        };
      };
    },
    recall({ userId }, { appId }) {
      if (userId === null) return { kind: "contact_taken" };
      const user = lookups.find(userId, appId);
      return user === null ? null : { kind: "contact_changed", user };
    },
  };
}
