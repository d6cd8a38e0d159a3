import type { App } from "../model/app.js";
import type { Caller } from "../model/caller.js";
import type { Membership, User } from "../model/user.js";
import type { FoundUser } from "../store/port/users.js";
import type { Deps } from "./deps.js";

/** Returns whether answers or tokens of the app have anything of a membership. If not, no call reads it. */
export function wantsMembership({ roles, policy, showsOrganization = false }: App): boolean {
  return roles.length > 0 || policy.tokenAttributes.length > 0 || showsOrganization;
}

/** Returns what the caller's app says about a member. Null if the app wants nothing of it, or if the user is no member any more. */
export async function findMembership(deps: Deps, { app }: Caller, userId: string): Promise<Membership | null> {
  return wantsMembership(app) ? ((await findMember(deps, app, userId))?.membership ?? null) : null;
}

/** Finds a person of the app's pool by id. */
export async function findMember(deps: Deps, { poolId, appId }: App, userId: string): Promise<FoundUser | null> {
  return await deps.store.users.find({ poolId, appId, key: { kind: "user_id", value: userId } });
}

/** What the user's own calls show of the membership. */
export interface OwnMembership {
  /** The user's roles in the app. */
  readonly roles: readonly string[];
  /** Empty unless the app shows it. */
  readonly ownerOrganization: string;
}

/** A user as the user's own calls see it. */
export interface CurrentUser extends OwnMembership {
  readonly user: User;
}

export async function currentUser(deps: Deps, caller: Caller, user: User): Promise<CurrentUser> {
  const { roles, showsOrganization = false } = caller.app;
  const isShown = roles.length > 0 || showsOrganization;
  const membership = isShown ? await findMembership(deps, caller, user.userId) : null;
  return { user, ...ownMembership(caller.app, membership) };
}

export function ownMembership(app: App, membership: Membership | null): OwnMembership {
  const ownerOrganization = app.showsOrganization === true ? (membership?.ownerOrganization ?? "") : "";
  return { roles: rolesOf(app, membership), ownerOrganization };
}

/** Returns the roles that count: a role that the app has removed from its list counts no more. */
export function rolesOf(app: App, membership: Membership | null): readonly string[] {
  return membership?.roles.filter((role) => app.roles.includes(role)) ?? [];
}
