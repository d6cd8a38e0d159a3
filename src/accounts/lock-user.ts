import type { Actor } from "../apps/actor.js";
import type { Member } from "../model/user.js";
import { type AccountsDeps, type OfUser, record } from "./deps.js";
import { theUser } from "./get-user.js";
import { changedMember } from "./refusals.js";

/**
 * Locks a user out of the app. All sessions of the user in the app have ended when it resolves, whatever runs at the same time.
 * Throws USER_NOT_FOUND.
 */
export async function lockUser(deps: AccountsDeps, actor: Actor, target: OfUser): Promise<Member> {
  return await setLock(deps, actor, { target, locked: true });
}

/** Ends the lock of a user, who is active then. A user without a lock stays as is. Throws USER_NOT_FOUND. */
export async function unlockUser(deps: AccountsDeps, actor: Actor, target: OfUser): Promise<Member> {
  return await setLock(deps, actor, { target, locked: false });
}

async function setLock(
  deps: AccountsDeps,
  actor: Actor,
  { target, locked }: { readonly target: OfUser; readonly locked: boolean },
): Promise<Member> {
  const { app, member } = await theUser(deps, actor, target);
  const { userId } = member.user;
  const outcome = await deps.store.users.setLock({ appId: app.appId, userId, locked, now: deps.clock() });
  const after = changedMember(outcome);
  if (outcome.kind === "changed")
    record(deps, actor, { act: locked ? "user.lock" : "user.unlock", app, user: after.user.number });
  return after;
}
