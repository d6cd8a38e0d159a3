import { getCountries, type PhoneNumber, parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { Contact } from "./contact.js";
import type { Policy } from "./policy.js";
import type { FieldViolation } from "./violation.js";

const phoneText = /^\+[0-9 ().-]{5,31}$/;

/** ISO 3166-1 alpha-2 codes of all countries that have phone numbers. */
export const countryCodes: readonly string[] = [...getCountries()].sort();

/** Numbers that cost their callers or owners extra, or that no code can reach. */
const refusedTypes: Readonly<Partial<Record<string, string>>> = {
  PREMIUM_RATE: "a premium-rate number",
  SHARED_COST: "a shared-cost number",
  TOLL_FREE: "a toll-free number",
  // Calls to these are billed by tariffs of their own, and SMS rarely reach them: +44 70 and +39 199, for example.
  PERSONAL_NUMBER: "a personal number",
  PAGER: "a pager",
  UAN: "a company's universal access number",
  VOICEMAIL: "a voicemail number",
};

/** Calling codes of no country: ITU-T E.164 assignments, https://www.itu.int/pub/T-SP-E.164D */
const refusedCallingCodes: Readonly<Partial<Record<string, string>>> = {
  "800": "a toll-free number",
  "808": "a shared-cost number",
  "870": "a satellite number",
  "878": "a number of no country",
  "881": "a satellite number",
  "882": "a satellite number",
  "883": "a satellite number",
  "888": "a number of no country",
  "979": "a premium-rate number",
};

/**
 * Returns E.164 form, or a violation. Refuses a number without a leading plus, which has no country, a number with an extension,
 * and numbers that codes never go to. No network or carrier is asked.
 */
export function canonicalPhone(rules: Pick<Policy, "possiblePhonesSuffice">, text: string): string | FieldViolation {
  const trimmed = text.trim();
  const parsed = phoneText.test(trimmed) ? parsePhoneNumberFromString(trimmed, { extract: false }) : undefined;
  const refused = parsed && refusedKind(parsed);
  if (refused) {
    return { field: "phone", description: `must not be ${refused}: codes go to mobile and fixed-line numbers only` };
  }
  const good = parsed !== undefined && !parsed.ext && (rules.possiblePhonesSuffice ? parsed.isPossible() : parsed.isValid());
  if (good) return parsed.number;
  return { field: "phone", description: "must be a valid number in international form like +46701234567" };
}

function refusedKind(parsed: PhoneNumber): string | undefined {
  return refusedCallingCodes[parsed.countryCallingCode] ?? refusedTypes[parsed.getType() ?? ""];
}

/**
 * Returns the ISO 3166-1 alpha-2 code of a canonical number. A number that is possible but not assigned has the first country of
 * its calling code. Returns null if no country has it.
 */
export function countryOf(phone: string): string | null {
  const parsed = parsePhoneNumberFromString(phone, { extract: false });
  return parsed?.country ?? parsed?.getPossibleCountries()[0] ?? null;
}

/** Returns the calling code of a canonical number, such as `46`. Several countries share some: +1 has 25. Returns null if it has none. */
export function callingCodeOf(phone: string): string | null {
  return parsePhoneNumberFromString(phone, { extract: false })?.countryCallingCode ?? null;
}

/**
 * Returns why no message may go to a contact, or null if one may. Only phone numbers have a country. The text is for operators
 * and does not contain the number.
 */
export function countryRefusal({ smsCountries }: Pick<Policy, "smsCountries">, contact: Contact): string | null {
  if (contact.kind !== "phone" || smsCountries === null) return null;
  const country = countryOf(contact.value);
  if (country !== null && smsCountries.includes(country)) return null;
  return `the app sends no messages to ${country ?? "numbers of no country"}: see LATCHKEY_SMS_COUNTRIES and sms_countries in its policy`;
}
