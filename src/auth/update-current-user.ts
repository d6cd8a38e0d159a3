import type { UserCaller } from "../model/caller.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";
import { type CurrentUser, currentUser } from "./membership.js";

/** Undefined fields keep their values. Custom attributes are replaced as a whole. */
export interface UpdateCurrentUserInput {
  readonly displayName: string | undefined;
  readonly locale: string | undefined;
  /** As returned by `customAttributesText`. */
  readonly customAttributes: string | undefined;
}

export async function updateCurrentUser(deps: Deps, caller: UserCaller, input: UpdateCurrentUserInput): Promise<CurrentUser> {
  const user = await deps.store.users.update({ appId: caller.app.appId, userId: caller.user.userId, ...input });
  if (user === null) throw new AuthError("TOKEN_INVALID", { detail: "the user does not exist any more" });
  return await currentUser(deps, caller, user);
}
