import type { UserCaller } from "../model/caller.js";
import type { Deps } from "./deps.js";

/**
 * Ends the calling user's membership in the app, with its sessions. Erases the user if it was the last membership.
 */
export async function deleteCurrentUser(deps: Deps, caller: UserCaller): Promise<void> {
  const { userId, number } = caller.user;
  const { appId } = caller.app;
  const outcome = await deps.store.users.leave({ appId, userId, now: deps.clock() });
  deps.log.info({ user: number, app: appId, outcome, correlationId: caller.correlationId }, "user deleted");
}
