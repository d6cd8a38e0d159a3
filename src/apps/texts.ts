import { appTextViolations, canonicalLocale } from "../model/text-rules.js";
import type { AppText } from "../model/wording.js";
import type { Actor } from "./actor.js";
import { announce } from "./announce.js";
import type { AppsDeps } from "./deps.js";
import { getApp } from "./read-apps.js";
import { refuseViolations } from "./refusals.js";
import { changeWording, nameOf } from "./update-wording.js";

/** Names a text of an app. */
export type TextKey = Pick<AppText, "channel" | "wording" | "locale">;

/** Sets or replaces the app's text for a channel, wording and locale. Throws APP_NOT_FOUND and REQUEST_INVALID. */
export async function putText(
  deps: AppsDeps,
  actor: Actor,
  { appId, text }: { readonly appId: string; readonly text: AppText },
): Promise<AppText> {
  const put = canonical(text);
  await changeWording(deps, appId, (wording) => {
    refuseViolations(appTextViolations(put, wording));
    return { ...wording, texts: [...wording.texts.filter((other) => !isSame(other, put)), put].sort(byKey) };
  });
  await announce(deps, actor, { message: "set a text of an app", app: appId, text: nameOf(put) });
  return put;
}

/** Removes the app's text for a channel, wording and locale, if it has one. Throws APP_NOT_FOUND. */
export async function deleteText(
  deps: AppsDeps,
  actor: Actor,
  { appId, key }: { readonly appId: string; readonly key: TextKey },
): Promise<void> {
  const gone = canonical(key);
  await changeWording(deps, appId, (wording) => ({
    ...wording,
    texts: wording.texts.filter((text) => !isSame(text, gone)),
  }));
  await announce(deps, actor, { message: "removed a text of an app", app: appId, text: nameOf(gone) });
}

/** Lists the texts of an app by channel, wording and locale. Throws APP_NOT_FOUND. */
export async function listTexts(deps: AppsDeps, { appId }: { readonly appId: string }): Promise<readonly AppText[]> {
  return (await getApp(deps, { appId })).wording.texts;
}

/** With its locale as it is usually written, so that one language has one text. */
export function canonical<T extends TextKey>(key: T): T {
  return { ...key, locale: canonicalLocale(key.locale) ?? key.locale };
}

export function isSame(a: TextKey, b: TextKey): boolean {
  return a.channel === b.channel && a.wording === b.wording && a.locale === b.locale;
}

function byKey(a: TextKey, b: TextKey): number {
  const [first, second] = [a, b].map(({ channel, wording, locale }) => `${channel} ${wording} ${locale}`) as [string, string];
  return first < second ? -1 : first > second ? 1 : 0;
}
