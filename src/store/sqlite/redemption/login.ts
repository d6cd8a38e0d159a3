import type { Lookups } from "../people/lookups.js";
import type { Effect } from "./effect.js";
import type { SignIn } from "./sign-in.js";

/**
 * Signs in the contact's person. A challenge issued for a user signs in only that user, and only as a member. A challenge issued
 * for a contact without a member joins the contact's person, or creates one.
 */
export function createLogin({ lookups, signIn }: { lookups: Lookups; signIn: SignIn }): Effect {
  return {
    decide({ user_id: expectedUserId, pool_id: poolId, app_id: appId }, contact, change) {
      const holder = lookups.holder({ poolId, appId, contact, trustClaims: change.trustClaims });
      if (expectedUserId !== null && (holder?.userId !== expectedUserId || holder.state === null)) return "user_gone";
      if (holder === null) return signIn.newUser({ poolId, appId, contacts: [contact] }, change);
      return signIn.existingUser({ poolId, appId, holder, contact }, change);
    },
    recall: signIn.recall,
  };
}
