import { en } from "./en.js";
import type { Texts } from "./texts.js";

const languages: ReadonlyMap<string, Texts> = new Map([["en", en]]);

/** Returns the texts of the tag's language, or English if the language is unknown. Any `locale` is safe: it only selects a known language. */
export function textsFor(locale: string): Texts {
  const language = locale.slice(0, 35).toLowerCase().split(/[-_]/, 1)[0] ?? "";
  return languages.get(language) ?? en;
}
