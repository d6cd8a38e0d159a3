import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { RedeemChange, Redemption } from "../../port/challenges.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { RememberedRedemption } from "../idempotency.js";
import type { Sessions } from "../sessions.js";
import type { Users } from "../users.js";
import type { Effected } from "./effect.js";

/** A session for the user of a proven contact: the common effect of LOGIN and REGISTRATION. */
export interface SignIn {
  /** Signs in an existing user and leaves the user's fields as they are. */
  existingUser(of: { readonly userId: string; readonly appId: string }, change: RedeemChange): Effected;
  /**
   * Creates the user in `change` with these contacts, none of which has a user in the pool, and signs it in. A username that is
   * taken is left out.
   */
  newUser(
    of: { readonly poolId: string; readonly appId: string; readonly contacts: readonly Contact[] },
    change: RedeemChange,
  ): Effected;
  /** Returns null if the session was refreshed or revoked since, or the user was deleted. */
  recall(remembered: RememberedRedemption, now: EpochMs): Redemption | null;
}

export function createSignIn(db: Database, { users, sessions }: { users: Users; sessions: Sessions }): SignIn {
  const siblings = db
    .prepare<{ userId: string; appId: string; now: EpochMs }, string>(`
      SELECT c.challenge_id FROM contacts o CROSS JOIN challenges c ON c.contact_kind = o.kind AND c.contact_value = o.value
      WHERE o.user_id = @userId AND c.purpose IN ('login', 'registration') AND c.app_id = @appId AND ${isLiveChallenge("@now")}`)
    .pluck();

  function signIn(
    { userId, appId }: { readonly userId: string; readonly appId: string },
    { newSession, sessionsMax, now }: RedeemChange,
    made: { isNewUser: boolean; usernameTaken: boolean },
  ): Effected {
    const session = newSession === null ? null : sessions.create(newSession, { userId, sessionsMax, now });
    return {
      redemption: { kind: "signed_in", session, user: users.find(userId)!, ...made },
      siblings: siblings.all({ userId, appId, now }),
      remembered: session === null ? { userId, ...made } : { sessionId: session.sessionId, ...made },
    };
  }

  return {
    existingUser: (of, change) => signIn(of, change, { isNewUser: false, usernameTaken: false }),

    newUser({ poolId, appId, contacts }, change) {
      const { newUser, now } = change;
      const usernameTaken = newUser.username !== null && users.usernameTaken(poolId, newUser.username);
      users.create(usernameTaken ? { ...newUser, username: null } : newUser, { poolId, contacts, now });
      return signIn({ userId: newUser.userId, appId }, change, { isNewUser: true, usernameTaken });
    },

    recall({ sessionId, userId, isNewUser, usernameTaken }, now) {
      const session = sessionId === null ? null : sessions.find(sessionId, now);
      if (sessionId !== null && (session === null || session.generation > 0)) return null;
      const user = users.find(session?.userId ?? userId ?? "");
      if (user === null) return null;
      return { kind: "signed_in", session, user, isNewUser, usernameTaken };
    },
  };
}
