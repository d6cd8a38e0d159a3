import type { Contact } from "./contact.js";
import { canonicalContact } from "./identifier.js";
import type { Policy } from "./policy.js";
import type { EpochMs } from "./time.js";
import { type FieldViolation, isViolation } from "./violation.js";

/** A contact, or a range of contacts, that an app uses for tests. Nothing is sent to it, and its code is always the same. */
export interface TestIdentifier {
  /**
   * An e-mail address or phone number in canonical form, or a range of them: `+1555010*` is every number that begins so,
   * `qa-*@example.com` every such address of that domain.
   */
  readonly pattern: string;
  /** 6 to 10 digits. Many people know it, so it opens test accounts alone. */
  readonly code: string;
  readonly endsAt: EpochMs;
}

/** How far ahead a test identifier may end. */
export const testIdentifierLifeMaxMs = 90 * 24 * 60 * 60_000;

/** How many test identifiers an app may have, ended ones included. */
export const testIdentifiersMax = 100;

/** A shorter range would cover the numbers of whole countries. */
const rangeDigitsMin = 4;

/** Returns the test identifier that covers a contact at `now`, or null. Of several the most exact one counts. */
export function testIdentifierOf(
  identifiers: readonly TestIdentifier[],
  contact: Contact | null,
  now: EpochMs,
): TestIdentifier | null {
  // Most apps have none, so this costs a sign-in nothing.
  if (identifiers.length === 0 || contact === null) return null;
  let found: TestIdentifier | null = null;
  for (const one of identifiers) {
    if (one.endsAt <= now || !covers(one.pattern, contact)) continue;
    if (found === null || exactness(one.pattern) > exactness(found.pattern)) found = one;
  }
  return found;
}

function covers(pattern: string, { kind, value }: Contact): boolean {
  if (pattern.includes("@") !== (kind === "email")) return false;
  const [start, end] = partsOf(pattern);
  if (end === null) return value === start;
  return value.length >= start.length + end.length && value.startsWith(start) && value.endsWith(end);
}

/** The text before the asterisk, and the text after it. Null: there is no asterisk, or none before the @. */
function partsOf(pattern: string): readonly [start: string, end: string | null] {
  const at = pattern.includes("@") ? pattern.lastIndexOf("*@") : pattern.indexOf("*");
  return at < 0 ? [pattern, null] : [pattern.slice(0, at), pattern.slice(at + 1)];
}

function exactness(pattern: string): number {
  const [start, end] = partsOf(pattern);
  return end === null ? Number.POSITIVE_INFINITY : start.length + end.length;
}

/** Returns a pattern in canonical form, or what is wrong with it. */
export function canonicalPattern(rules: Pick<Policy, "possiblePhonesSuffice">, text: string): string | FieldViolation {
  const written = text.trim();
  const [start, end] = partsOf(written);
  if (end === null) return literalOf(rules, written);
  if (!written.includes("@")) {
    const digits = start.replaceAll(/[\s().-]/g, "");
    return end === "" && new RegExp(`^\\+[1-9][0-9]{${rangeDigitsMin - 1},13}$`).test(digits) ? `${digits}*` : wrong;
  }
  // The smallest address of the range says whether its parts are good.
  const sample = canonicalContact(rules, "email", `${start}0${end}`);
  if (isViolation(sample)) return wrong;
  const tail = sample.value.slice(sample.value.lastIndexOf("@"));
  return `${sample.value.slice(0, -tail.length - 1)}*${tail}`;
}

function literalOf(rules: Pick<Policy, "possiblePhonesSuffice">, text: string): string | FieldViolation {
  const contact = canonicalContact(rules, text.includes("@") ? "email" : "phone", text);
  // An address may have an asterisk, but one in a wrong place is more likely meant as a range.
  return isViolation(contact) || text.includes("*") ? wrong : contact.value;
}

const wrong: FieldViolation = {
  field: "pattern",
  description:
    `must be an e-mail address, a phone number like +12025550123, or a range of them: at least ${rangeDigitsMin} digits and an ` +
    "asterisk like +1202555012*, or an asterisk before the @ like qa-*@example.com",
};
