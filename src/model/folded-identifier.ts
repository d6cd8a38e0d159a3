import { parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { Identifier } from "./identifier.js";
import { countryOf } from "./phone-number.js";

/**
 * Returns the form of a canonical identifier that its budgets are counted by: the spellings that reach one mailbox or one phone
 * become equal. Only budgets use it. Two people could have such spellings at a mail provider with other rules.
 */
export function foldedIdentifier(identifier: Identifier): Identifier {
  switch (identifier.kind) {
    case "email":
      return { kind: "email", value: foldedEmail(identifier.value) };
    case "phone":
      return { kind: "phone", value: foldedPhone(identifier.value) };
    default:
      return identifier;
  }
}

/** Without the tag after a plus sign. Gmail ignores dots in names and has a second domain. */
function foldedEmail(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const local = address.slice(0, at);
  const tag = local.indexOf("+");
  const name = tag > 0 ? local.slice(0, tag) : local;
  if (domain !== "gmail.com" && domain !== "googlemail.com") return `${name}@${domain}`;
  return `${name.replaceAll(".", "")}@gmail.com`;
}

/**
 * Mobile digits inside a national number that networks accept but do not need: Argentina's 9 and Brazil's ninth digit (ITU-T E.164
 * national numbering plans). The parser removes other trunk digits and refuses Mexico's former 1.
 */
const mobileDigits: readonly (readonly [RegExp, string])[] = [
  [/^\+549(\d{10})$/, "+54$1"],
  [/^\+55(\d{2})9(\d{8})$/, "+55$1$2"],
];

function foldedPhone(number: string): string {
  for (const [pattern, folded] of mobileDigits) if (pattern.test(number)) return number.replace(pattern, folded);
  return number;
}

/** Parts of a phone number in E.164 form that have budgets of their own. */
export interface PhoneRange {
  /** The number without its last four digits. A range of numbers that one operator rents out has about this size. */
  readonly prefix: string;
  /** ISO 3166 code, or the calling code if it names no country. */
  readonly country: string;
}

export function phoneRange(number: string): PhoneRange {
  const country = countryOf(number) ?? `+${parsePhoneNumberFromString(number)?.countryCallingCode ?? ""}`;
  return { prefix: foldedPhone(number).slice(0, -4), country };
}
