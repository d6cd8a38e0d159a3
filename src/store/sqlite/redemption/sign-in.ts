import type { Database } from "better-sqlite3";
import type { Contact } from "../../../model/contact.js";
import type { EpochMs } from "../../../model/time.js";
import type { MemberState, UserContact } from "../../../model/user.js";
import type { RedeemChange, Redemption } from "../../port/redemption.js";
import { isLiveChallenge } from "../../shared/rows.js";
import type { RememberedRedemption } from "../idempotency.js";
import type { Holder } from "../people/lookups.js";
import type { People } from "../people/people.js";
import type { Sessions } from "../sessions.js";
import type { Decision, Effected } from "./effect.js";

interface Place {
  readonly poolId: string;
  readonly appId: string;
}

/** A session for the person of a proven contact: the common effect of LOGIN and REGISTRATION. */
export interface SignIn {
  /**
   * Signs in a person that exists and leaves its profile as it is. Refuses a member that can't sign in. Joins a stranger to the
   * app, and ends the app's claims to the contact then. Makes an invited member active. Verifies a contact that the person only
   * claimed, and ends the person's other sessions in the app then.
   */
  existingUser(of: Place & { readonly holder: Holder; readonly contact: Contact }, change: RedeemChange): Decision;
  /**
   * Creates the user in `change` as a member with these contacts, none of which has a person in the pool, and signs it in. A
   * username that is taken is left out.
   */
  newUser(of: Place & { readonly contacts: readonly Contact[] }, change: RedeemChange): Decision;
  /** Signs in a test account. Verifies nothing and ends no claim. */
  existingTest(
    of: Omit<Place, "poolId"> & { readonly userId: string; readonly state: MemberState },
    change: RedeemChange,
  ): Decision;
  /** As `newUser`, but creates a test account: the contacts are claims without effect. */
  newTest(of: Place & { readonly contacts: readonly Contact[] }, change: RedeemChange): Decision;
  /** Returns null if the session was refreshed or revoked since, or the user was deleted. */
  recall(remembered: RememberedRedemption, of: { readonly appId: string; readonly now: EpochMs }): Redemption | null;
}

export function createSignIn(
  db: Database,
  { people, sessions }: { readonly people: People; readonly sessions: Sessions },
): SignIn {
  const { lookups, changes } = people;
  const live = `c.purpose IN ('login', 'registration') AND c.app_id = @appId AND ${isLiveChallenge("@now")}`;
  const siblings = db
    .prepare<{ userId: string; appId: string; now: EpochMs }, string>(`
      SELECT c.challenge_id FROM contacts o CROSS JOIN challenges c ON c.contact_kind = o.kind AND c.contact_value = o.value
      WHERE o.user_id = @userId AND ${live}
      UNION ALL
      SELECT c.challenge_id FROM claims l CROSS JOIN challenges c ON c.contact_kind = l.kind AND c.contact_value = l.value
      WHERE l.user_id = @userId AND l.app_id = @appId AND c.user_id = l.user_id AND ${live}`)
    .pluck();

  function signIn(
    { userId, appId }: { readonly userId: string; readonly appId: string },
    { challengeId, newSession, sessionsMax, now }: RedeemChange,
    made: { isNewUser: boolean; usernameTaken: boolean },
  ): Effected {
    const session = newSession === null ? null : sessions.create(newSession, { userId, challengeId, sessionsMax, now });
    return {
      redemption: { kind: "signed_in", session, user: lookups.find(userId, appId)!, ...made },
      siblings: siblings.all({ userId, appId, now }),
      remembered: session === null ? { userId, ...made } : { sessionId: session.sessionId, ...made },
    };
  }

  function newUser(
    of: Place & { readonly contacts: readonly Contact[]; readonly isTest: boolean },
    change: RedeemChange,
  ): Decision {
    const { poolId, appId, contacts, isTest } = of;
    const { newUser: user, newMembership: membership, now } = change;
    if (membership === null) return { kind: "would_register", isNewToPool: true, contacts };
    return () => {
      const { userId, username } = user;
      const usernameTaken =
        username !== null && lookups.named({ poolId, appId, key: { kind: "username", value: username } }) !== null;
      changes.add({ ...user, username: usernameTaken ? null : username, number: null }, { poolId, now });
      if (isTest) changes.give({ poolId, appId, userId }, contacts.map(unverified), now);
      else for (const contact of contacts) changes.verify({ poolId, appId, userId }, { contact, at: now });
      changes.join({ appId, userId }, { membership: isTest ? { ...membership, credentialType: "test" } : membership, now });
      return signIn({ userId, appId }, change, { isNewUser: true, usernameTaken });
    };
  }

  return {
    existingUser({ poolId, appId, holder: { userId, verified, state, credentialType }, contact }, change) {
      const { newMembership: membership, now } = change;
      if (state === "locked" || (state !== null && credentialType !== "otp")) return "user_locked";
      if (state === null && membership === null) return { kind: "would_register", isNewToPool: false, contacts: [contact] };
      return () => {
        if (!verified) {
          changes.verify({ poolId, appId, userId }, { contact, at: now });
          sessions.removeAllOf({ userId, appId });
        }
        if (state === null) {
          changes.endClaims({ appId, userId }, contact);
          changes.join({ appId, userId }, { membership: membership!, now });
        }
        if (state === "invited") changes.activate({ appId, userId });
        return signIn({ userId, appId }, change, { isNewUser: state === null, usernameTaken: false });
      };
    },

    existingTest({ appId, userId, state }, change) {
      if (state !== "active") return "user_locked";
      return () => signIn({ userId, appId }, change, { isNewUser: false, usernameTaken: false });
    },

    newUser: (of, change) => newUser({ ...of, isTest: false }, change),
    newTest: (of, change) => newUser({ ...of, isTest: true }, change),

    recall({ sessionId, userId, isNewUser, usernameTaken }, { appId, now }) {
      const session = sessionId === null ? null : sessions.find(sessionId, now);
      if (sessionId !== null && (session === null || session.generation > 0)) return null;
      const user = lookups.find(session?.userId ?? userId ?? "", appId);
      if (user === null) return null;
      return { kind: "signed_in", session, user, isNewUser, usernameTaken };
    },
  };
}

function unverified(contact: Contact): UserContact {
  return { ...contact, verifiedAt: null };
}
