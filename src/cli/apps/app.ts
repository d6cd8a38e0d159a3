import { operator } from "../../apps/actor.js";
import { createApp } from "../../apps/create-app.js";
import { deleteApp } from "../../apps/delete-app.js";
import type { AppsDeps } from "../../apps/deps.js";
import { getEffectivePolicy } from "../../apps/effective-policy.js";
import { createPreset } from "../../apps/preset.js";
import { getApp, listApps } from "../../apps/read-apps.js";
import { type AppChanges, updateApp } from "../../apps/update-app.js";
import { updatePolicy } from "../../apps/update-policy.js";
import type { Settings } from "../../config/settings.js";
import type { AppRecord } from "../../model/app.js";
import type { Dialect } from "../../model/dialect.js";
import { CliError, type Io, requireYes } from "../io.js";
import { allPages } from "./all-pages.js";
import { appFields, effectiveFields, effectiveLines, fieldLines, print } from "./output.js";
import { parseList, parsePolicyChanges } from "./parse.js";
import { withApps } from "./with-apps.js";

export interface Json {
  readonly json?: boolean;
}

export interface Confirmed extends Json {
  readonly yes?: boolean;
}

/** The options of `create` and `update`. */
export interface AppOptions extends Json {
  readonly pool?: string;
  readonly preset?: Dialect;
  readonly name?: string;
  readonly origins?: string;
  readonly logoUrl?: string;
  readonly supportAddress?: string;
  readonly audience?: string;
  readonly roles?: string;
}

export interface PolicyOptions extends Json {
  readonly set: readonly string[];
  readonly unset: readonly string[];
}

type Of<Options> = Options & { readonly appId: string };

export async function create(settings: Settings, options: Of<AppOptions>, io: Io): Promise<void> {
  const { appId, pool = "", preset } = options;
  const input = { appId, poolId: pool, ...fieldsIn(options) };
  const app = await withApps(settings, io, (deps) =>
    preset === undefined ? createApp(deps, operator(), input) : createPreset(deps, operator(), { ...input, preset }),
  );
  const speaking = preset === undefined ? "" : ` --dialects ${preset}`;
  const next = `Add a client with \`latchkey client create --app ${appId} --kind public${speaking}\`, or \`--kind confidential\` for a backend.`;
  print(io, options, appFields(app), [`Created the app ${appId}. ${next}`]);
}

export async function list(settings: Settings, options: Json, io: Io): Promise<void> {
  const apps = await withApps(settings, io, allApps);
  const lines = apps.map((app) =>
    [app.appId.padEnd(32), app.state.padEnd(8), app.poolId.padEnd(16), app.displayName].join(" ").trimEnd(),
  );
  print(io, options, apps.map(appFields), lines);
}

export async function show(settings: Settings, options: Of<Json>, io: Io): Promise<void> {
  const fields = appFields(await withApps(settings, io, (deps) => getApp(deps, options)));
  print(io, options, fields, fieldLines(fields));
}

export async function update(settings: Settings, options: Of<AppOptions>, io: Io): Promise<void> {
  const { appId } = options;
  const changes = fieldsIn(options);
  if (Object.keys(changes).length === 0) throw new CliError("There is nothing to change: give at least one option.");
  await change(settings, { ...options, changes, done: `Changed the app ${appId}.` }, io);
}

/** Without changes, prints the policy in effect. */
export async function policy(settings: Settings, options: Of<PolicyOptions>, io: Io): Promise<void> {
  const { appId } = options;
  const changes = parsePolicyChanges(options.set, options.unset);
  const effective = await withApps(settings, io, async (deps) => {
    if (Object.keys(changes).length > 0) await updatePolicy(deps, operator(), { appId, changes });
    return await getEffectivePolicy(deps, { appId });
  });
  const { policy: values, origins } = effective;
  print(io, options, effectiveFields(values, origins), effectiveLines(values, origins));
}

export async function archive(settings: Settings, options: Of<Json & { readonly undo?: boolean }>, io: Io): Promise<void> {
  const { appId, undo = false } = options;
  const done = undo
    ? `The app ${appId} is active again.`
    : `Archived the app ${appId}: all calls of its clients are refused. Undo this with \`latchkey app archive ${appId} --undo\`.`;
  await change(settings, { ...options, changes: { state: undo ? "active" : "archived" }, done }, io);
}

export async function remove(settings: Settings, options: Of<Confirmed>, io: Io): Promise<void> {
  const { appId } = options;
  const outcome = await withApps(settings, io, async (deps) => {
    await getApp(deps, { appId });
    const question = `Deleting the app ${appId} deletes its clients and their secrets too, and can't be undone.`;
    await requireYes(io, options, { question, refusal: "Nothing was deleted" });
    return await deleteApp(deps, operator(), { appId });
  });
  const line =
    outcome === "deleted"
      ? `Deleted the app ${appId} with its clients.`
      : `Archived the app ${appId}, because sessions or live codes belong to it. Delete it when they have ended.`;
  print(io, options, { app_id: appId, archived: outcome === "archived" }, [line]);
}

async function change(
  settings: Settings,
  options: Of<Json> & { readonly changes: AppChanges; readonly done: string },
  io: Io,
): Promise<void> {
  const { appId, changes, done } = options;
  const app = await withApps(settings, io, (deps) => updateApp(deps, operator(), { appId, changes }));
  print(io, options, appFields(app), [done]);
}

function fieldsIn({ name, origins, logoUrl, supportAddress, audience, roles }: AppOptions): AppChanges {
  return {
    ...(name !== undefined && { displayName: name }),
    ...(origins !== undefined && { allowedOrigins: parseList(origins) }),
    ...(logoUrl !== undefined && { logoUrl }),
    ...(supportAddress !== undefined && { supportAddress }),
    ...(audience !== undefined && { audience }),
    ...(roles !== undefined && { roles: parseList(roles) }),
  };
}

export async function allApps(deps: AppsDeps): Promise<readonly AppRecord[]> {
  return await allPages((page) => listApps(deps, page));
}
