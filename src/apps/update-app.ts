import { type AppRecord, defaultAppId } from "../model/app.js";
import type { CheckClient } from "../store/port/apps.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { appViolations } from "./app-rules.js";
import { refuseHigherRights } from "./client-rules.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, defaultApp, refuseViolations } from "./refusals.js";

/** New values of an app. What is left out stays as it is. */
export type AppChanges = Partial<
  Pick<AppRecord, "displayName" | "logoUrl" | "supportAddress" | "allowedOrigins" | "audience" | "roles" | "state">
>;

/**
 * Changes an app. Throws APP_NOT_FOUND, REQUEST_INVALID, DEFAULT_APP if the default app would be archived, and SCOPE_MISSING if the
 * state changes and one of the app's clients has a right that the actor lacks.
 */
export async function updateApp(
  deps: AppsDeps,
  actor: Actor,
  { appId, changes }: { readonly appId: string; readonly changes: AppChanges },
): Promise<AppRecord> {
  if (appId === defaultAppId && changes.state === "archived") throw defaultApp();
  // To archive or revive an app does the same to its clients.
  const check: CheckClient = (client) => refuseHigherRights(actor, client);
  const changed = await deps.store.apps.changeApp({
    appId,
    apply(app) {
      const next = { ...app, ...changes };
      refuseViolations(appViolations(next, deps.deployment.issuer));
      return next;
    },
    ...(changes.state !== undefined && { check }),
  });
  if (changed === null) throw appNotFound(appId);
  const message = changes.state === "archived" ? "archived an app" : "changed an app";
  await announce(deps, actor, { message, app: appId, changed: Object.keys(changes) });
  return changed;
}
