import { contactKindOf } from "../model/channel.js";
import type { Settings } from "./settings.js";

/** Returns what to tell an operator whose carriers may send to no country, or null. */
export function noCountryAdvice({ carriers, policy }: Pick<Settings, "carriers" | "policy">): string | null {
  const phones = carriers.filter(({ channel }) => contactKindOf[channel] === "phone");
  if (phones.length === 0 || policy.smsCountries === null || policy.smsCountries.length > 0) return null;
  return (
    `no phone number gets a message through ${phones.map(({ name }) => name).join(", ")}, because no country is chosen: set ` +
    "LATCHKEY_SMS_COUNTRIES to the countries that you serve, such as DE,AT,CH"
  );
}
