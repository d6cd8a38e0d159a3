import { defaultAppId } from "../model/app.js";
import type { CheckClient } from "../store/port/apps.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import { refuseHigherRights } from "./client-rules.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, defaultApp } from "./refusals.js";

/**
 * Deletes an app with its clients, or archives it if members, sessions or live codes belong to it. Returns which. Throws
 * APP_NOT_FOUND, DEFAULT_APP, and SCOPE_MISSING if one of the clients has a right that the actor lacks.
 */
export async function deleteApp(
  deps: AppsDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<"deleted" | "archived"> {
  if (appId === defaultAppId) throw defaultApp();
  const check: CheckClient = (client) => refuseHigherRights(actor, client);
  const outcome = await deps.store.apps.deleteApp({ appId, now: deps.clock(), check });
  if (outcome === null) throw appNotFound(appId);
  if (outcome === "deleted") await deps.store.forwards.drop({ appId });
  await announce(deps, actor, { message: `${outcome} an app`, app: appId });
  return outcome;
}
