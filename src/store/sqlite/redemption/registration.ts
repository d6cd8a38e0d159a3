import type { Database } from "better-sqlite3";
import type { Contact, ContactKind } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { Lookups } from "../people/lookups.js";
import type { Decision, Effect, Effected } from "./effect.js";
import type { SignIn } from "./sign-in.js";

interface SourceRow {
  challenge_id: string;
  contact_kind: ContactKind;
  contact_value: string;
  consumed_at: EpochMs | null;
}

/** Reads and writes of pending registrations inside the redemption's transaction. */
export interface RegistrationRows {
  /**
   * Returns all contacts of a registration, and the kinds of those that are still to be proven besides that of the challenge. Null if
   * it has ended. A source has no contact any more if it was proven earlier and its person was erased since.
   */
  sourcesOf(
    registrationId: string | null,
    challengeId: string,
  ): { readonly contacts: readonly Contact[]; readonly pending: readonly ContactKind[] } | null;
  /** Ends the registration too, if the decision has an effect. */
  ending(registrationId: string | null, decision: Decision, now: EpochMs): Decision;
}

export function createRegistrationRows(db: Database): RegistrationRows {
  const lives = db.prepare<[string]>("SELECT 1 FROM registrations WHERE registration_id = ?");
  const sources = db.prepare<[string], SourceRow>(`
    SELECT challenge_id, contact_kind, contact_value, consumed_at
    FROM challenges WHERE registration_id = ? AND contact_value IS NOT NULL ORDER BY contact_kind`);
  const cancelOthers = db.prepare<[EpochMs, string]>(`
    UPDATE challenges SET cancelled_at = ?, sealed_code = NULL
    WHERE registration_id = ? AND consumed_at IS NULL AND cancelled_at IS NULL`);
  const remove = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");
  return {
    sourcesOf(registrationId, challengeId) {
      if (registrationId === null || lives.get(registrationId) === undefined) return null;
      const all = sources.all(registrationId);
      return {
        contacts: all.map((source) => ({ kind: source.contact_kind, value: source.contact_value })),
        pending: all
          .filter((source) => source.consumed_at === null && source.challenge_id !== challengeId)
          .map((source) => source.contact_kind),
      };
    },
    ending(registrationId, decision, now) {
      if (typeof decision !== "function" || registrationId === null) return decision;
      return () => {
        cancelOthers.run(now, registrationId);
        remove.run(registrationId);
        return decision();
      };
    },
  };
}

/**
 * The last source to be proven creates the user; until then redemptions are `pending`. A source that already has a user signs
 * that user in and ends the registration. If a source was proven earlier and has a user by now, the new user does not get it.
 */
export function createRegistration(db: Database, { lookups, signIn }: { lookups: Lookups; signIn: SignIn }): Effect {
  const rows = createRegistrationRows(db);
  return {
    decide({ challenge_id: challengeId, pool_id: poolId, app_id: appId, registration_id: registrationId }, contact, change) {
      const { trustClaims } = change;
      const holder = lookups.holder({ poolId, appId, contact, trustClaims });
      if (holder !== null) {
        return rows.ending(registrationId, signIn.existingUser({ poolId, appId, holder, contact }, change), change.now);
      }
      const sources = rows.sourcesOf(registrationId, challengeId);
      if (registrationId === null || sources === null) return "cancelled";
      if (sources.pending.length > 0) return () => pending(sources.pending);
      const contacts = sources.contacts.filter((one) => lookups.holder({ poolId, appId, contact: one, trustClaims }) === null);
      return rows.ending(registrationId, signIn.newUser({ poolId, appId, contacts }, change), change.now);
    },

    recall(remembered, of) {
      const { pendingSources } = remembered;
      return pendingSources.length > 0 ? pending(pendingSources).redemption : signIn.recall(remembered, of);
    },
  };
}

/** A registration that waits for another source ends no siblings. Otherwise two registrations could cancel each other. */
export function pending(pendingSources: readonly ContactKind[]): Effected {
  return { redemption: { kind: "pending", pendingSources }, siblings: [], remembered: { pendingSources } };
}
