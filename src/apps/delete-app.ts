import { defaultAppId } from "../model/app.js";
import { type Actor, type AppsDeps, announce, appNotFound } from "./deps.js";
import { defaultApp } from "./update-app.js";

/**
 * Deletes an app with its clients, or archives it if sessions or live codes belong to it. Returns which. Throws APP_NOT_FOUND
 * and DEFAULT_APP.
 */
export async function deleteApp(
  deps: AppsDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<"deleted" | "archived"> {
  if (appId === defaultAppId) throw defaultApp();
  const outcome = await deps.store.apps.deleteApp({ appId, now: deps.clock() });
  if (outcome === null) throw appNotFound(appId);
  await announce(deps, actor, { message: `${outcome} an app`, app: appId });
  return outcome;
}
