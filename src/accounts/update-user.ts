import type { Actor } from "../apps/actor.js";
import type { Member } from "../model/user.js";
import { type AccountsDeps, type OfUser, record } from "./deps.js";
import { theUser } from "./get-user.js";
import { checkMemberFields, type MemberFields } from "./member-fields.js";
import { changedMember, goodOf } from "./refusals.js";

/**
 * Changes the fields of a user that `changes` has a key for. An empty value removes what was there. Throws USER_NOT_FOUND,
 * REQUEST_INVALID, and ALREADY_EXISTS for a username or external id of another user, with nothing changed.
 */
export async function updateUser(
  deps: AccountsDeps,
  actor: Actor,
  { changes, ...target }: OfUser & { readonly changes: MemberFields },
): Promise<Member> {
  const { app, member } = await theUser(deps, actor, target);
  const checked = goodOf(checkMemberFields(app, changes));
  const { userId } = member.user;
  const changed = changedMember(await deps.store.users.updateMember({ ...checked, appId: app.appId, userId }));
  record(deps, actor, { act: "user.update", app, user: changed.user.number, changed: Object.keys(checked) });
  return changed;
}
