import { type Channel, contactKindOf } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import { countryRefusal } from "../model/phone-number.js";
import type { Policy } from "../model/policy.js";
import { AuthError } from "./errors.js";

/**
 * Throws COUNTRY_NOT_ALLOWED if a code over the channel would go to a phone number of a closed country. It is only for contacts that
 * the request itself names. For those of an account the refusal would reveal where its number is from, so delivery refuses them.
 */
export function refuseCountry(policy: Pick<Policy, "smsCountries">, channel: Channel, contact: Contact): void {
  if (contactKindOf[channel] !== contact.kind) return;
  const refusal = countryRefusal(policy, contact);
  if (refusal !== null) throw new AuthError("COUNTRY_NOT_ALLOWED", { detail: refusal });
}
