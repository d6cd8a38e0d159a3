/**
 * The countries whose numbers get a message in a language, if neither the call nor the user names one. It is the official language
 * with the most speakers, if 60 percent of the inhabitants speak it or three times as many as the next official language. So India,
 * Belgium and Canada, among others, have none: their numbers get English. Source: Unicode CLDR 48, `supplemental/territoryInfo.json`.
 */
const countries = {
  ar: "AE BH DZ EG EH IQ JO KM KW LB LY MA MR OM PS QA SA SY TN YE",
  de: "AT CH DE LI",
  es: "AR BO CL CO CR CU DO EC ES GQ GT HN MX NI PA PE PR SV UY VE",
  fr: "BF BJ BL CD CG CI CM DJ FR GA GF GN GP LU MC MF ML MQ MU NC NE PF PM RE TG WF YT",
  it: "IT SM VA",
  ja: "JP",
  nl: "AW BQ NL SR",
  pl: "PL",
  pt: "AO BR CV GW MZ PT ST",
  sw: "KE TZ UG",
  tr: "TR",
  zh: "CN",
} as const;

const languages: ReadonlyMap<string, string> = new Map(
  Object.entries(countries).flatMap(([language, codes]) => codes.split(" ").map((code) => [code, language] as const)),
);

/** Returns the language of a country by its ISO 3166-1 alpha-2 code, or null if the table has none. */
export function languageOfCountry(country: string): string | null {
  return languages.get(country) ?? null;
}
