import { operator } from "../../apps/actor.js";
import { getApp } from "../../apps/read-apps.js";
import { deleteTestIdentifier, putTestIdentifier } from "../../apps/test-identifiers.js";
import type { Settings } from "../../config/settings.js";
import type { TestIdentifier } from "../../model/test-identifier.js";
import type { EpochMs } from "../../model/time.js";
import type { Io } from "../io.js";
import type { Json } from "./app.js";
import { type Fields, print, timeText } from "./output.js";
import { parseDurationOption } from "./parse.js";
import { withApps } from "./with-apps.js";

export interface OfPattern extends Json {
  readonly app: string;
  readonly pattern: string;
}

export interface PutOptions extends OfPattern {
  readonly code: string;
  /** A duration from now. */
  readonly for: string;
}

export async function put(settings: Settings, options: PutOptions, io: Io): Promise<void> {
  const { app: appId, pattern, code } = options;
  const forMs = parseDurationOption("--for", options.for);
  const one = await withApps(settings, io, (deps) =>
    putTestIdentifier(deps, operator(), { appId, pattern, code, endsAt: deps.clock() + forMs }),
  );
  print(io, options, fieldsOf(one), [
    `The code ${one.code} signs in test accounts of the app ${appId} as ${one.pattern} until ${timeText(one.endsAt)}.`,
    "Nothing is sent to these contacts until then, even if a real user has one. The code never opens a real user's account.",
  ]);
}

export async function list(settings: Settings, options: Omit<OfPattern, "pattern">, io: Io): Promise<void> {
  const { app: appId } = options;
  const { testIdentifiers, now } = await withApps(settings, io, async (deps) => ({
    testIdentifiers: (await getApp(deps, { appId })).testIdentifiers,
    now: deps.clock(),
  }));
  const lines = testIdentifiers.map((one) => `${one.pattern.padEnd(32)} ${one.code.padEnd(10)} ${endOf(one, now)}`);
  const none = `The app ${appId} has no test identifiers.`;
  print(io, options, testIdentifiers.map(fieldsOf), lines.length === 0 ? [none] : lines);
}

export async function remove(settings: Settings, options: OfPattern, io: Io): Promise<void> {
  const { app: appId, pattern } = options;
  await withApps(settings, io, (deps) => deleteTestIdentifier(deps, operator(), { appId, pattern }));
  print(io, options, { pattern }, [
    `Removed the test identifier. Its test accounts stay: \`latchkey user list --app ${appId}\` shows them.`,
  ]);
}

function endOf({ endsAt }: TestIdentifier, now: EpochMs): string {
  return `${endsAt <= now ? "ended" : "ends"} at ${timeText(endsAt)}`;
}

function fieldsOf({ pattern, code, endsAt }: TestIdentifier): Fields {
  return { pattern, code, ends_at: timeText(endsAt) };
}
