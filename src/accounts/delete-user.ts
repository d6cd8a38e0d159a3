import type { Actor } from "../apps/actor.js";
import { type AccountsDeps, type OfUser, record, requireScope, userNotFound } from "./deps.js";
import { theUser } from "./get-user.js";

/**
 * Removes a user from the app. The person is erased with the last app, or at once with `erase`, which only operators may. Throws
 * USER_NOT_FOUND.
 */
export async function deleteUser(
  deps: AccountsDeps,
  actor: Actor,
  { erase, ...target }: OfUser & { readonly erase: boolean },
): Promise<"left" | "erased"> {
  if (erase) requireScope(actor, "operator");
  const { app, member } = await theUser(deps, actor, target);
  const { userId, number } = member.user;
  const now = deps.clock();
  const { users } = deps.store;
  const outcome = erase
    ? (await users.erase({ userId, now })) && ("erased" as const)
    : await users.leave({ appId: app.appId, userId, now });
  if (!outcome) throw userNotFound();
  record(deps, actor, { act: outcome === "erased" ? "user.erase" : "user.delete", app, user: number });
  return outcome;
}
