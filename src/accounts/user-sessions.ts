import type { Actor } from "../apps/actor.js";
import { AuthError } from "../auth/errors.js";
import type { Session } from "../model/session.js";
import { type AccountsDeps, type OfUser, record } from "./deps.js";
import { theUser } from "./get-user.js";

/** Returns the live sessions of a user in the app, most recently used first. Throws USER_NOT_FOUND. */
export async function listUserSessions(deps: AccountsDeps, actor: Actor, target: OfUser): Promise<readonly Session[]> {
  const { app, member } = await theUser(deps, actor, target);
  const { userId } = member.user;
  return await deps.store.sessions.list({ userId, appId: app.appId, now: deps.clock() });
}

/**
 * Ends all sessions of a user in the app, or the one that `sessionId` names. Returns how many it ended. Throws USER_NOT_FOUND and
 * SESSION_NOT_FOUND.
 */
export async function revokeUserSessions(
  deps: AccountsDeps,
  actor: Actor,
  { sessionId, ...target }: OfUser & { readonly sessionId: string },
): Promise<number> {
  const { app, member } = await theUser(deps, actor, target);
  const { userId, number } = member.user;
  const of = { userId, appId: app.appId, now: deps.clock() };
  const { sessions } = deps.store;
  const count =
    sessionId === ""
      ? await sessions.revokeOthers({ ...of, keepSessionId: null })
      : Number(await sessions.revoke({ ...of, sessionId: sessionId.toLowerCase() }));
  if (sessionId !== "" && count === 0) throw new AuthError("SESSION_NOT_FOUND");
  record(deps, actor, { act: "user.sessions.revoke", app, user: number, count });
  return count;
}
