import { domainToASCII, domainToUnicode } from "node:url";
import { parsePhoneNumberFromString } from "libphonenumber-js/max";
import type { Channel, Contact, Identifier } from "../store/store.js";
import { invalidField } from "../auth/errors.js";
import type { Policy } from "./policy.js";

const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const hostName = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const phoneText = /^\+[0-9 ().-]{5,31}$/;
const usernameText = /^[a-z][a-z0-9._-]{2,31}$/;
const ascii = /^[\x21-\x7e]+$/;

/**
 * The canonical form of an identifier; refuses what has none. Canonical forms are compared byte by byte everywhere, so two spellings
 * of one address are one user and one allowance.
 */
export function canonicalIdentifier(policy: Policy, kind: Identifier["kind"], text: string): Identifier {
  switch (kind) {
    case "email":
      return { kind, value: canonicalEmail(text) };
    case "phone":
      return { kind, value: canonicalPhone(policy, text) };
    case "username":
      return { kind, value: canonicalUsername(text) };
  }
}

/** As `canonicalIdentifier`, for a contact. */
export function canonicalContact(policy: Policy, kind: Contact["kind"], text: string): Contact {
  return { kind, value: kind === "email" ? canonicalEmail(text) : canonicalPhone(policy, text) };
}

/** ASCII local part (RFC 5321 dot-string) in lower case, domain in A-label form. */
function canonicalEmail(text: string): string {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf("@");
  const local = trimmed.slice(0, at);
  const domain = canonicalDomain(trimmed.slice(at + 1));
  const good =
    at > 0 && local.length <= 64 && ascii.test(local) && localPart.test(local.toLowerCase()) && hostName.test(domain);
  const value = `${local.toLowerCase()}@${domain}`;
  if (!good || value.length > 254) throw invalidField("email", "must be an e-mail address like name@example.com");
  return value;
}

/**
 * Empty: refused. The library reads a host as URLs have it: it would cut at a slash, decode percent signs and fold letters that look
 * alike. So only what comes back from the A-label form as it was written is taken.
 */
function canonicalDomain(text: string): string {
  const written = text.toLowerCase();
  if (!/^[a-z0-9.\-\u{80}-\u{10ffff}]+$/u.test(written)) return "";
  const converted = domainToASCII(written);
  return (ascii.test(written) ? converted : domainToUnicode(converted)) === written ? converted : "";
}

/** E.164. Without a leading plus a number has no country, so it is refused; so is one with an extension. */
function canonicalPhone(policy: Policy, text: string): string {
  const trimmed = text.trim();
  const parsed = phoneText.test(trimmed) ? parsePhoneNumberFromString(trimmed, { extract: false }) : undefined;
  const good = parsed !== undefined && !parsed.ext && (policy.possiblePhonesSuffice ? parsed.isPossible() : parsed.isValid());
  if (!good) throw invalidField("phone", "must be a phone number in international form like +46701234567");
  return parsed.number;
}

/** Checked before it is lower-cased: some letters beyond ASCII have ASCII lower-case forms. */
export function canonicalUsername(text: string): string {
  const value = ascii.test(text) ? text.toLowerCase() : "";
  if (!usernameText.test(value)) {
    throw invalidField("username", "must be 3 to 32 characters: a letter, then letters, digits, dots, underscores or hyphens");
  }
  return value;
}

/** Whether codes over the channel can reach what the identifier names. A user may have any contact, a contact is what it is. */
export function channelReaches(channel: Channel, identifier: Identifier): boolean {
  if (identifier.kind === "username") return true;
  return identifier.kind === (channel === "email" ? "email" : "phone");
}

export function defaultChannel(policy: Policy, identifier: Identifier): Channel {
  if (identifier.kind === "phone") return "sms";
  if (identifier.kind === "email") return "email";
  return policy.channels.includes("email") ? "email" : "sms";
}
