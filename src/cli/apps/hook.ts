import { operator } from "../../apps/actor.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../apps/registration-hook.js";
import type { Settings } from "../../config/settings.js";
import type { Io } from "../io.js";
import type { Json } from "./app.js";
import { appFields, print } from "./output.js";
import { withApps } from "./with-apps.js";

export interface HookOptions extends Json {
  readonly appId: string;
  readonly url: string;
  readonly onFailure: "refuse" | "allow";
}

/** Prints the secret, which no other command shows. */
export async function set(settings: Settings, options: HookOptions, io: Io): Promise<void> {
  const { appId, url, onFailure } = options;
  const { app, secret } = await withApps(settings, io, (deps) =>
    putRegistrationHook(deps, operator(), { appId, url, failOpen: onFailure === "allow" }),
  );
  print(io, options, { ...appFields(app), secret }, [
    `Set the registration hook of the app ${appId}.`,
    `The secret that signs its requests is shown only now: ${secret}`,
  ]);
}

export async function remove(settings: Settings, options: Json & { readonly appId: string }, io: Io): Promise<void> {
  const app = await withApps(settings, io, (deps) => deleteRegistrationHook(deps, operator(), options));
  print(io, options, appFields(app), [`The app ${options.appId} has no registration hook now.`]);
}
