import type { UserCaller } from "../model/caller.js";
import type { Session } from "../model/session.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Returns the calling user's live sessions, most recently used first. */
export async function listSessions(deps: Deps, caller: UserCaller): Promise<readonly Session[]> {
  return await deps.store.sessions.list({ userId: caller.user.userId, appId: caller.app.appId, now: deps.clock() });
}

/** Ends one of the calling user's sessions. Another user's session and a missing one give the same error. */
export async function revokeSession(deps: Deps, caller: UserCaller, input: { readonly sessionId: string }): Promise<void> {
  const revoked = await deps.store.sessions.revoke({
    sessionId: input.sessionId,
    userId: caller.user.userId,
    appId: caller.app.appId,
    now: deps.clock(),
  });
  if (!revoked) throw new AuthError("SESSION_NOT_FOUND");
}

/** Ends all sessions of the calling user except the current one. Returns how many it ended. */
export async function revokeOtherSessions(deps: Deps, caller: UserCaller): Promise<number> {
  return await deps.store.sessions.revokeOthers({
    userId: caller.user.userId,
    appId: caller.app.appId,
    keepSessionId: caller.session.sessionId,
    now: deps.clock(),
  });
}
