import type { Database } from "better-sqlite3";
import type { ContactKind } from "../../../model/contact.js";
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

/**
 * The last source to be proven creates the user; until then redemptions are `pending`. A source that already has a user signs
 * that user in and ends the registration. If a source was proven earlier and has a user by now, the new user does not get it.
 */
export function createRegistration(db: Database, { lookups, signIn }: { lookups: Lookups; signIn: SignIn }): Effect {
  const lives = db.prepare<[string]>("SELECT 1 FROM registrations WHERE registration_id = ?");
  // A source has no contact any more if it was proven earlier and its person was erased since.
  const sources = db.prepare<[string], SourceRow>(`
    SELECT challenge_id, contact_kind, contact_value, consumed_at
    FROM challenges WHERE registration_id = ? AND contact_value IS NOT NULL ORDER BY contact_kind`);
  const cancelOthers = db.prepare<[EpochMs, string]>(`
    UPDATE challenges SET cancelled_at = ?, sealed_code = NULL
    WHERE registration_id = ? AND consumed_at IS NULL AND cancelled_at IS NULL`);
  const remove = db.prepare<[string]>("DELETE FROM registrations WHERE registration_id = ?");

  /** Ends the registration too, if the decision has an effect. */
  function ending(registrationId: string | null, decision: Decision, now: EpochMs): Decision {
    if (typeof decision !== "function" || registrationId === null) return decision;
    return () => {
      cancelOthers.run(now, registrationId);
      remove.run(registrationId);
      return decision();
    };
  }

  return {
    decide({ challenge_id: challengeId, pool_id: poolId, app_id: appId, registration_id: registrationId }, contact, change) {
      const { trustClaims } = change;
      const holder = lookups.holder({ poolId, appId, contact, trustClaims });
      if (holder !== null) {
        return ending(registrationId, signIn.existingUser({ poolId, appId, holder, contact }, change), change.now);
      }
      if (registrationId === null || lives.get(registrationId) === undefined) return "cancelled";
      const all = sources.all(registrationId);
      const pendingSources = all
        .filter((source) => source.consumed_at === null && source.challenge_id !== challengeId)
        .map((source) => source.contact_kind);
      if (pendingSources.length > 0) return () => pending(pendingSources);
      const contacts = all
        .map((source) => ({ kind: source.contact_kind, value: source.contact_value }))
        .filter((one) => lookups.holder({ poolId, appId, contact: one, trustClaims }) === null);
      return ending(registrationId, signIn.newUser({ poolId, appId, contacts }, change), change.now);
    },

    recall(remembered, of) {
      const { pendingSources } = remembered;
      return pendingSources.length > 0 ? pending(pendingSources).redemption : signIn.recall(remembered, of);
    },
  };
}

/** A registration that waits for another source ends no siblings. Otherwise two registrations could cancel each other. */
function pending(pendingSources: readonly ContactKind[]): Effected {
  return { redemption: { kind: "pending", pendingSources }, siblings: [], remembered: { pendingSources } };
}
