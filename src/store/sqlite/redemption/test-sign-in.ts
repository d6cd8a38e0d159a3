import type { Database } from "better-sqlite3";
import type { Lookups } from "../people/lookups.js";
import type { Effect } from "./effect.js";
import { createRegistrationRows, pending } from "./registration.js";
import type { SignIn } from "./sign-in.js";

interface Parts {
  readonly lookups: Lookups;
  readonly signIn: SignIn;
}

/**
 * Signs in the test account with the contact, or creates one. Many people know the code, so a contact that a real person holds is
 * refused as a decoy's would be.
 */
export function createTestLogin({ lookups, signIn }: Parts): Effect {
  return {
    decide({ user_id: expectedUserId, pool_id: poolId, app_id: appId }, contact, change) {
      const holder = lookups.testHolder({ poolId, appId, contact });
      if (holder.kind === "real") return "decoy";
      if (expectedUserId !== null && (holder.kind === "none" || holder.userId !== expectedUserId)) return "user_gone";
      if (holder.kind === "none") return signIn.newTest({ poolId, appId, contacts: [contact] }, change);
      return signIn.existingTest({ appId, ...holder }, change);
    },
    recall: signIn.recall,
  };
}

/** As a registration, for a test account: all its challenges are tests. */
export function createTestRegistration(db: Database, { lookups, signIn }: Parts): Effect {
  const rows = createRegistrationRows(db);
  return {
    decide({ challenge_id: challengeId, pool_id: poolId, app_id: appId, registration_id: registrationId }, contact, change) {
      const holder = lookups.testHolder({ poolId, appId, contact });
      if (holder.kind === "real") return "decoy";
      if (holder.kind === "test") {
        return rows.ending(registrationId, signIn.existingTest({ appId, ...holder }, change), change.now);
      }
      const sources = rows.sourcesOf(registrationId, challengeId);
      if (registrationId === null || sources === null) return "cancelled";
      if (sources.pending.length > 0) return () => pending(sources.pending);
      const contacts = sources.contacts.filter((one) => lookups.testHolder({ poolId, appId, contact: one }).kind === "none");
      return rows.ending(registrationId, signIn.newTest({ poolId, appId, contacts }, change), change.now);
    },
    recall: (remembered, of) =>
      remembered.pendingSources.length > 0 ? pending(remembered.pendingSources).redemption : signIn.recall(remembered, of),
  };
}
