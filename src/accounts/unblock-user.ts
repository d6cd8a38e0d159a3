import { accountKeys } from "../auth/account-keys.js";
import type { Member } from "../model/user.js";
import { type AccountsDeps, type Actor, type OfUser, record } from "./deps.js";
import { theUser } from "./get-user.js";

/**
 * Resets what wrong codes and many sends have put in the way of a user: disabled contacts, the lockout in this app, and the budgets
 * that count all requesters. It ends no session and no lock of an administrator. Throws USER_NOT_FOUND.
 */
export async function unblockUser(deps: AccountsDeps, actor: Actor, target: OfUser): Promise<Member> {
  const { app, member } = await theUser(deps, actor, target);
  await deps.store.budgets.forgive(accountKeys(deps, app, member.user));
  record(deps, actor, { act: "user.unblock", app, user: member.user.number });
  return member;
}
