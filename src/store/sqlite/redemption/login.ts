import type { Users } from "../users.js";
import type { Effect } from "./effect.js";
import type { SignIn } from "./sign-in.js";

/**
 * Signs in the contact's user. A challenge issued for a user signs in only that user. A challenge issued for a contact without
 * a user creates one.
 */
export function createLogin({ users, signIn }: { users: Users; signIn: SignIn }): Effect {
  return {
    decide({ user_id: expectedUserId, pool_id: poolId, app_id: appId }, contact, change) {
      const userId = users.userIdOf(poolId, contact);
      if (expectedUserId !== null && userId !== expectedUserId) return "user_gone";
      return () =>
        userId === null
          ? signIn.newUser({ poolId, appId, contacts: [contact] }, change)
          : signIn.existingUser({ userId, appId }, change);
    },
    recall: signIn.recall,
  };
}
