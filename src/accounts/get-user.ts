import type { Actor } from "../apps/actor.js";
import { accepted } from "../auth/errors.js";
import type { App } from "../model/app.js";
import { canonicalIdentifier } from "../model/identifier.js";
import type { Member, MemberKey } from "../model/user.js";
import { type AccountsDeps, appFor, memberIn, type OfUser } from "./deps.js";

/** How a caller names a user, as written. */
export interface UserQuery {
  /** Empty: the app of the actor. */
  readonly appId: string;
  readonly key: MemberKey;
}

/** Throws USER_NOT_FOUND, also for people of other apps. */
export async function getUser(deps: AccountsDeps, actor: Actor, { appId, key }: UserQuery): Promise<Member> {
  const app = await appFor(deps, actor, appId);
  return await findMember(deps, app, key);
}

/** Finds the user that a call acts on. Throws USER_NOT_FOUND, also for people of other apps. */
export async function theUser(
  deps: AccountsDeps,
  actor: Actor,
  { appId, userId }: OfUser,
): Promise<{ readonly app: App; readonly member: Member }> {
  const app = await appFor(deps, actor, appId);
  return { app, member: await findMember(deps, app, { kind: "user_id", value: userId }) };
}

export async function findMember(deps: AccountsDeps, app: App, key: MemberKey): Promise<Member> {
  const { poolId, appId } = app;
  return memberIn(await deps.store.users.find({ poolId, appId, key: canonicalKey(app, key) }));
}

/** Throws REQUEST_INVALID for a value that no user can have. */
export function canonicalKey(app: App, key: MemberKey): MemberKey {
  if (key.kind === "number" || key.kind === "external_id") return key;
  return accepted(canonicalIdentifier(app.policy, key.kind, key.value));
}
