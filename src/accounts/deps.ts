import type { Actor } from "../apps/actor.js";
import type { Directory } from "../apps/directory.js";
import type { Deps } from "../auth/deps.js";
import { AuthError } from "../auth/errors.js";
import type { App } from "../model/app.js";
import type { Scope } from "../model/scope.js";
import type { Member } from "../model/user.js";
import type { FoundUser } from "../store/port/users.js";

/** The dependencies of the use cases that manage people. */
export interface AccountsDeps extends Deps {
  readonly directory: Pick<Directory, "findApp" | "find" | "lookUp" | "refresh">;
}

/** How every use case names the user it acts on. */
export interface OfUser {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** In any case of letters. */
  readonly userId: string;
}

/**
 * Returns the app that a call acts on. Throws SCOPE_MISSING if it is not the actor's own and the actor is no operator, whether
 * the app exists or not. Throws APP_NOT_FOUND.
 */
export async function appFor(deps: AccountsDeps, actor: Actor, appId: string): Promise<App> {
  if (actor.app !== null && (appId === "" || appId === actor.app.appId)) return actor.app;
  requireScope(actor, "operator");
  const { directory } = deps;
  const known = directory.findApp(appId);
  if (known !== null) return known;
  // Another process may have made it just now.
  await directory.refresh();
  const app = directory.findApp(appId);
  if (app === null) throw new AuthError("APP_NOT_FOUND", { detail: `no app ${appId}` });
  return app;
}

/** Throws SCOPE_MISSING. */
export function requireScope(actor: Actor, scope: Scope): void {
  if (actor.scopes.has(scope)) return;
  throw new AuthError("SCOPE_MISSING", { detail: `the caller lacks ${scope}`, metadata: { scope } });
}

export function userNotFound(): AuthError {
  return new AuthError("USER_NOT_FOUND");
}

/** Returns the found person as a member. Throws USER_NOT_FOUND, with the same answer for people of other apps. */
export function memberIn(found: FoundUser | null): Member {
  if (found === null || found.membership === null) throw userNotFound();
  return { user: found.user, membership: found.membership };
}

/** What was done to a user, as in the log. */
export type Act =
  | "user.create"
  | "user.join"
  | "user.invite"
  | "user.import"
  | "user.update"
  | "user.lock"
  | "user.unlock"
  | "user.unblock"
  | "user.delete"
  | "user.erase"
  | "user.contact.add"
  | "user.contact.remove"
  | "user.sessions.revoke";

/**
 * Logs an act of administration. The user is named by number, so that no line holds a contact. Several users are named by a text
 * such as `7-9,12`.
 */
export function record(
  { log }: AccountsDeps,
  actor: Actor,
  done: { readonly act: Act; readonly app: App; readonly user: number | string } & Readonly<Record<string, unknown>>,
): void {
  const { act, app, user, ...more } = done;
  const { address, correlationId } = actor.source;
  log.info({ act, by: actor.name, app: app.appId, user, ...more, address, correlationId }, sentences[act]);
}

const sentences: Readonly<Record<Act, string>> = {
  "user.create": "created a user",
  "user.join": "joined a user to the app",
  "user.invite": "invited a user",
  "user.import": "imported users",
  "user.update": "changed a user",
  "user.lock": "locked a user",
  "user.unlock": "unlocked a user",
  "user.unblock": "unblocked a user",
  "user.delete": "removed a user from the app",
  "user.erase": "erased a user",
  "user.contact.add": "added a contact",
  "user.contact.remove": "removed a contact",
  "user.sessions.revoke": "ended sessions of a user",
};
