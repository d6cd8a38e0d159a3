import { operator } from "../../apps/actor.js";
import { deleteDeliveryReportHook, putDeliveryReportHook } from "../../apps/delivery-report-hook.js";
import type { PutHook } from "../../apps/hooks.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../apps/registration-hook.js";
import type { Settings } from "../../config/settings.js";
import type { ReportFormat } from "../../model/app.js";
import type { Io } from "../io.js";
import type { Json } from "./app.js";
import { appFields, print } from "./output.js";
import { withApps } from "./with-apps.js";

interface UrlOptions extends Json {
  readonly appId: string;
  readonly url: string;
}

export interface ReportHookOptions extends UrlOptions {
  readonly format: ReportFormat;
}

export interface HookOptions extends UrlOptions {
  readonly onFailure: "refuse" | "allow";
}

export async function set(settings: Settings, options: HookOptions, io: Io): Promise<void> {
  const { appId, url, onFailure } = options;
  const put = await withApps(settings, io, (deps) =>
    putRegistrationHook(deps, operator(), { appId, url, failOpen: onFailure === "allow" }),
  );
  printPut(io, options, put, `Set the registration hook of the app ${appId}.`);
}

export async function remove(settings: Settings, options: Json & { readonly appId: string }, io: Io): Promise<void> {
  const app = await withApps(settings, io, (deps) => deleteRegistrationHook(deps, operator(), options));
  print(io, options, appFields(app), [`The app ${options.appId} has no registration hook now.`]);
}

export async function setReports(settings: Settings, options: ReportHookOptions, io: Io): Promise<void> {
  const { appId, url, format } = options;
  const put = await withApps(settings, io, (deps) => putDeliveryReportHook(deps, operator(), { appId, url, format }));
  printPut(io, options, put, `Set the hook for delivery reports of the app ${appId}.`);
}

export async function removeReports(settings: Settings, options: Json & { readonly appId: string }, io: Io): Promise<void> {
  const app = await withApps(settings, io, (deps) => deleteDeliveryReportHook(deps, operator(), options));
  print(io, options, appFields(app), [`The app ${options.appId} has no hook for delivery reports now.`]);
}

/** Prints the secret, which no other command shows. */
function printPut(io: Io, options: Json, { app, secret }: PutHook, done: string): void {
  print(io, options, { ...appFields(app), secret }, [done, `The secret that signs its requests is shown only now: ${secret}`]);
}
