import { invalidField } from "../auth/errors.js";
import type { AppRecord, Hook } from "../model/app.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";
import { appNotFound } from "./refusals.js";

export type HookName = "registrationHook" | "deliveryReportHook";

/** What the log calls hooks. */
const words: Readonly<Record<HookName, string>> = {
  registrationHook: "a registration hook",
  deliveryReportHook: "a hook for delivery reports",
};

/** An app with its new hook. Nothing returns the secret (`whsec_…`) again. */
export interface PutHook {
  readonly app: AppRecord;
  readonly secret: string;
}

/**
 * Sets or replaces a hook of an app, with a new secret. Of concurrent calls the last one counts, with its own secret. Throws
 * APP_NOT_FOUND, and REQUEST_INVALID for a URL that Latchkey may not call.
 */
export async function putHook<Name extends HookName>(
  deps: AppsDeps,
  actor: Actor,
  given: {
    readonly appId: string;
    readonly name: Name;
    /** What the hook has besides its key. */
    readonly hook: Omit<NonNullable<AppRecord[Name]>, "keyId"> & Pick<Hook, "url">;
  },
): Promise<PutHook> {
  const { appId, name, hook } = given;
  await getApp(deps, { appId });
  const problem = await deps.outbound.problemOf(hook.url);
  if (problem !== null) throw invalidField("url", problem);
  const { key, secret } = await deps.hookSecrets.make(deps.clock());
  const set = { ...hook, keyId: key.keyId };
  const app = await deps.store.apps.changeApp({ appId, apply: (was) => ({ ...was, [name]: set }), newKey: key });
  if (app === null) throw appNotFound(appId);
  const { url, ...rest } = hook;
  // The path and the query may hold a secret.
  await announce(deps, actor, { message: `set ${words[name]}`, app: appId, origin: new URL(url).origin, ...rest });
  return { app, secret };
}

/** Removes a hook of an app and its secret, if it has one. Throws APP_NOT_FOUND. */
export async function deleteHook(
  deps: AppsDeps,
  actor: Actor,
  { appId, name }: { readonly appId: string; readonly name: HookName },
): Promise<AppRecord> {
  const app = await deps.store.apps.changeApp({ appId, apply: (was) => ({ ...was, [name]: null }) });
  if (app === null) throw appNotFound(appId);
  await announce(deps, actor, { message: `removed ${words[name]}`, app: appId });
  return app;
}
