import type { AppRecord } from "../model/app.js";
import type { Actor } from "./actor.js";
import type { AppsDeps } from "./deps.js";
import { deleteHook, type PutHook, putHook } from "./hooks.js";

export interface PutRegistrationHookInput {
  readonly appId: string;
  readonly url: string;
  /** Whether registrations go on if the hook does not answer. */
  readonly failOpen: boolean;
}

/** Sets or replaces the registration hook of an app, as `putHook` does. */
export function putRegistrationHook(
  deps: AppsDeps,
  actor: Actor,
  { appId, ...hook }: PutRegistrationHookInput,
): Promise<PutHook> {
  return putHook(deps, actor, { appId, name: "registrationHook", hook });
}

/** Removes the registration hook of an app and its secret, if it has one. Throws APP_NOT_FOUND. */
export function deleteRegistrationHook(
  deps: AppsDeps,
  actor: Actor,
  { appId }: { readonly appId: string },
): Promise<AppRecord> {
  return deleteHook(deps, actor, { appId, name: "registrationHook" });
}
