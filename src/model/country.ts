import { parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { Contact } from "./contact.js";

/** Returns the country of a phone number as ISO 3166-1 alpha-2. Null for e-mail, and for numbers of no country such as +870. */
export function countryOf({ kind, value }: Contact): string | null {
  return kind === "phone" ? (parsePhoneNumberFromString(value)?.country ?? null) : null;
}
