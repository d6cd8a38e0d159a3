import { en } from "./en.js";
import type { Texts } from "./texts.js";

const languages: ReadonlyMap<string, Texts> = new Map([["en", en]]);

/** The texts for a BCP 47 tag: its language's, else English. Whatever stands in `locale`, nothing but a known language is chosen by it. */
export function textsFor(locale: string): Texts {
  const language = locale.slice(0, 35).toLowerCase().split(/[-_]/, 1)[0] ?? "";
  return languages.get(language) ?? en;
}
