import { operator } from "../../apps/actor.js";
import { getApp } from "../../apps/read-apps.js";
import { updateWording, type WordingChanges } from "../../apps/update-wording.js";
import type { Settings } from "../../config/settings.js";
import type { AppWording } from "../../model/wording.js";
import { CliError, type Io } from "../io.js";
import type { Json } from "./app.js";
import { fieldLines, print, wordingFields } from "./output.js";
import { parseList } from "./parse.js";
import { withApps } from "./with-apps.js";

export interface OfApp extends Json {
  readonly app: string;
}

export interface WordingOptions extends OfApp {
  readonly senderName?: string;
  readonly accentColor?: string;
  readonly linkHosts?: string;
  readonly senderIds?: string;
  readonly webHost?: string;
  readonly androidHash?: string;
}

export async function show(settings: Settings, options: OfApp, io: Io): Promise<void> {
  const { wording } = await withApps(settings, io, (deps) => getApp(deps, { appId: options.app }));
  const fields = wordingFields(wording);
  const lines = fieldLines(fields);
  print(io, options, fields, lines.length === 0 ? [`The app ${options.app} has Latchkey's wording.`] : lines);
}

export async function set(settings: Settings, options: WordingOptions, io: Io): Promise<void> {
  const { app: appId } = options;
  const { wording } = await withApps(settings, io, async (deps) => {
    const changes = changesIn(options, (await getApp(deps, { appId })).wording);
    if (Object.keys(changes).length === 0) throw new CliError("There is nothing to change: give at least one option.");
    return await updateWording(deps, operator(), { appId, changes });
  });
  print(io, options, wordingFields(wording), [`Changed the wording of the app ${appId}.`]);
}

function changesIn(options: WordingOptions, { autofill }: AppWording): WordingChanges {
  const { senderName, accentColor, linkHosts, senderIds, webHost, androidHash } = options;
  const { webHost: host = autofill.webHost, androidHash: hash = autofill.androidHash } = options;
  return {
    ...(senderName !== undefined && { senderName }),
    ...(accentColor !== undefined && { accentColor }),
    ...(linkHosts !== undefined && { linkHosts: parseList(linkHosts) }),
    ...(senderIds !== undefined && { senderIds: parseList(senderIds) }),
    ...((webHost !== undefined || androidHash !== undefined) && { autofill: { webHost: host, androidHash: hash } }),
  };
}
