import type { Actor } from "../apps/actor.js";
import { accountKeys } from "../auth/account-keys.js";
import { unblockCharge } from "../auth/budgets.js";
import { tooManyRequests } from "../auth/limits.js";
import type { Member } from "../model/user.js";
import { type AccountsDeps, type OfUser, record } from "./deps.js";
import { theUser } from "./get-user.js";

/**
 * Resets what wrong codes and many sends have put in the way of a user: disabled contacts, the lockout in this app, and the budgets
 * that count all requesters. It ends no session and no lock of an administrator. Throws USER_NOT_FOUND. Throws
 * TOO_MANY_REQUESTS, and changes nothing, after 5 calls for the user in a day, from all callers.
 */
export async function unblockUser(deps: AccountsDeps, actor: Actor, target: OfUser): Promise<Member> {
  const { app, member } = await theUser(deps, actor, target);
  const now = deps.clock();
  const limited = await deps.store.budgets.spend({ charges: [unblockCharge(member.user.userId)], now });
  if (limited !== null) throw tooManyRequests(deps, "unblock", limited, now);
  await deps.store.budgets.forgive(accountKeys(deps, app, member.user));
  record(deps, actor, { act: "user.unblock", app, user: member.user.number });
  return member;
}
