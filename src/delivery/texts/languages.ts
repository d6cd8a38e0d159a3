import type { Contact } from "../../model/contact.js";
import { countryOf } from "../../model/phone-number.js";
import { ar } from "./ar.js";
import { languageOfCountry } from "./country-languages.js";
import { de } from "./de.js";
import { en } from "./en.js";
import { es } from "./es.js";
import { fr } from "./fr.js";
import { hi } from "./hi.js";
import { it } from "./it.js";
import { ja } from "./ja.js";
import { nl } from "./nl.js";
import { pl } from "./pl.js";
import { pt } from "./pt.js";
import { sw } from "./sw.js";
import type { Texts } from "./texts.js";
import { tr } from "./tr.js";
import { zh } from "./zh.js";

/** The texts of all languages. */
export const allTexts: readonly Texts[] = [en, de, fr, es, pt, it, nl, pl, tr, ar, hi, sw, zh, ja];

const languages: ReadonlyMap<string, Texts> = new Map(allTexts.map((texts) => [texts.language, texts]));

/**
 * Returns the texts of the tag's language. If Latchkey does not have it, returns those of the country of the phone number, or
 * English. Any `locale` is safe: it only selects a known language.
 */
export function textsFor(locale: string, to: Contact): Texts {
  const language = locale.slice(0, 35).toLowerCase().split(/[-_]/, 1)[0] ?? "";
  return languages.get(language) ?? languages.get(languageOfNumber(to) ?? "") ?? en;
}

/** Returns the direction in which a known language is written. */
export function directionOf(language: string): Texts["direction"] {
  return languages.get(language)?.direction ?? en.direction;
}

/** Returns the language of the country of a phone number, or null. */
export function languageOfNumber({ kind, value }: Contact): string | null {
  const country = kind === "phone" ? countryOf(value) : null;
  return country === null ? null : languageOfCountry(country);
}
