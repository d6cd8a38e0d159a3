import type { AppRecord } from "../model/app.js";
import { appTextViolations, wordingViolations } from "../model/text-rules.js";
import type { FieldViolation } from "../model/violation.js";
import type { AppText, AppWording } from "../model/wording.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { appNotFound, refuseViolations } from "./refusals.js";

/** New values of an app's wording. What is left out stays as it is. */
export type WordingChanges = Partial<Omit<AppWording, "texts">>;

/** Changes how the messages of an app look. Throws APP_NOT_FOUND, and REQUEST_INVALID also if a text would break a rule by it. */
export async function updateWording(
  deps: AppsDeps,
  actor: Actor,
  { appId, changes }: { readonly appId: string; readonly changes: WordingChanges },
): Promise<AppRecord> {
  const app = await changeWording(deps, appId, (wording) => {
    const next = { ...wording, ...changes };
    refuseViolations([...below("wording", wordingViolations(next)), ...brokenTexts(wording.texts, next)]);
    return next;
  });
  await announce(deps, actor, { message: "changed the wording of an app", app: appId, changed: Object.keys(changes) });
  return app;
}

function brokenTexts(texts: readonly AppText[], wording: AppWording): FieldViolation[] {
  return texts.flatMap((text) => {
    const [first] = appTextViolations(text, wording);
    if (first === undefined) return [];
    return [
      { field: "wording", description: `breaks the text for ${nameOf(text)}, which ${first.description}: change it first` },
    ];
  });
}

function below(message: string, violations: readonly FieldViolation[]): FieldViolation[] {
  return violations.map(({ field, description }) => ({ field: `${message}.${field}`, description }));
}

/** Names a text in a sentence. */
export function nameOf({ channel, wording, locale }: Pick<AppText, "channel" | "wording" | "locale">): string {
  return [channel, wording || "all wordings", locale || "all locales"].join(", ");
}

/** What the database has room for. */
const bytesMax = 64 * 1024;

/** Changes the wording of an app. Throws APP_NOT_FOUND, and REQUEST_INVALID if it would be too large. */
export async function changeWording(
  { store }: Pick<AppsDeps, "store">,
  appId: string,
  change: (wording: AppWording) => AppWording,
): Promise<AppRecord> {
  const changed = await store.apps.changeApp({
    appId,
    apply(app) {
      const wording = change(app.wording);
      const bytes = Buffer.byteLength(JSON.stringify(wording));
      const description = `would make the wording of the app ${bytes} bytes large: at most ${bytesMax} are allowed, so delete texts first`;
      refuseViolations(bytes > bytesMax ? [{ field: "text", description }] : []);
      return { ...app, wording };
    },
  });
  if (changed === null) throw appNotFound(appId);
  return changed;
}
