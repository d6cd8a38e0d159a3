import type { Channel } from "../../model/channel.js";
import type { AppText, MessageWords, Wording } from "../../model/wording.js";

/** What an app or a call says instead of Latchkey, with placeholders. Empty: Latchkey's own. */
export interface OwnText {
  readonly subject: string;
  readonly text: string;
  /** The locale that the app gave for the text. */
  readonly locale: string;
}

/**
 * Returns the words of the call, then those of the app's text that fits best: the locale counts before the wording. So an app's text
 * for all locales replaces Latchkey's texts of all languages.
 */
export function ownTextOf(
  texts: readonly AppText[],
  given: {
    readonly channel: Channel;
    readonly wording: Wording;
    readonly locale: string;
    readonly words: MessageWords | null;
  },
): OwnText {
  const { channel, wording, locale, words } = given;
  const ofChannel = texts.filter((text) => text.channel === channel);
  const chosen = ofChannel.length === 0 ? undefined : chosenOf(ofChannel, wording, localesOf(locale));
  const text = words?.customMessage ?? chosen?.text ?? "";
  const ofText = words?.customMessage === undefined ? chosen?.locale : undefined;
  return { subject: words?.subject ?? chosen?.subject ?? "", text, locale: ofText ?? "" };
}

function chosenOf(texts: readonly AppText[], wording: Wording, locales: readonly string[]): AppText | undefined {
  for (const locale of locales) {
    for (const of of [wording, ""]) {
      const found = texts.find((text) => text.wording === of && text.locale.toLowerCase() === locale);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** Returns the tag and its shorter forms, the longest first, then the empty one: `de-at`, `de` and "". */
function localesOf(locale: string): readonly string[] {
  const tags = locale
    .slice(0, 35)
    .toLowerCase()
    .split(/[-_]/)
    .filter((tag) => tag !== "");
  return [...tags.map((_, index) => tags.slice(0, tags.length - index).join("-")), ""];
}
