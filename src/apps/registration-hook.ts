import { invalidField } from "../auth/errors.js";
import type { AppRecord } from "../model/app.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";
import { appNotFound } from "./refusals.js";

export interface PutRegistrationHookInput {
  readonly appId: string;
  readonly url: string;
  /** Whether registrations go on if the hook does not answer. */
  readonly failOpen: boolean;
}

/**
 * Sets or replaces the registration hook of an app, with a new secret (`whsec_…`), which nothing returns again. Of concurrent calls
 * the last one counts, with its own secret. Throws APP_NOT_FOUND, and REQUEST_INVALID for a URL that Latchkey may not call.
 */
export async function putRegistrationHook(
  deps: AppsDeps,
  actor: Actor,
  { appId, url, failOpen }: PutRegistrationHookInput,
): Promise<{ readonly app: AppRecord; readonly secret: string }> {
  await getApp(deps, { appId });
  const problem = await deps.outbound.problemOf(url);
  if (problem !== null) throw invalidField("url", problem);
  const { key, secret } = await deps.hookSecrets.make(deps.clock());
  const registrationHook = { url, keyId: key.keyId, failOpen };
  const app = await deps.store.apps.changeApp({ appId, apply: (was) => ({ ...was, registrationHook }), hookKey: key });
  if (app === null) throw appNotFound(appId);
  // The path and the query may hold a secret.
  await announce(deps, actor, { message: "set a registration hook", app: appId, origin: new URL(url).origin, failOpen });
  return { app, secret };
}

/** Removes the registration hook of an app and its secret, if it has one. Throws APP_NOT_FOUND. */
export async function deleteRegistrationHook(
  deps: AppsDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<AppRecord> {
  const app = await deps.store.apps.changeApp({ appId, apply: (was) => ({ ...was, registrationHook: null }) });
  if (app === null) throw appNotFound(appId);
  await announce(deps, actor, { message: "removed a registration hook", app: appId });
  return app;
}
