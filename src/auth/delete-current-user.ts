import type { UserCaller } from "../model/caller.js";
import type { Deps } from "./deps.js";

/** Deletes the calling user and everything that belongs to that user. */
export async function deleteCurrentUser(deps: Deps, caller: UserCaller): Promise<void> {
  await deps.store.users.delete({ userId: caller.user.userId });
  deps.log.info({ userId: caller.user.userId, correlationId: caller.correlationId }, "user deleted");
}
