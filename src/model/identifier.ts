import { domainToASCII, domainToUnicode } from "node:url";
import { type Channel, channelAmong, contactKindOf } from "./channel.js";
import type { Contact } from "./contact.js";
import { canonicalPhone } from "./phone-number.js";
import type { Policy } from "./policy.js";
import { type FieldViolation, isViolation } from "./violation.js";

/** The name by which a caller refers to a person, in canonical form. The kinds never match one another. */
export type Identifier = Contact | { readonly kind: "username" | "user_id"; readonly value: string };

/** How strictly phone numbers are checked. */
type PhoneRules = Pick<Policy, "possiblePhonesSuffice">;

const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const hostName = /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z0-9-]*[a-z])[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const usernameText = /^[a-z][a-z0-9._-]{2,31}$/;
const ascii = /^[\x21-\x7e]+$/;

/**
 * Returns the canonical form of an identifier, or a violation. Canonical forms are compared byte by byte everywhere, so two
 * spellings of one address mean the same user and budget.
 */
export function canonicalIdentifier(rules: PhoneRules, kind: Identifier["kind"], text: string): Identifier | FieldViolation {
  if (kind === "email" || kind === "phone") return canonicalContact(rules, kind, text);
  const value = kind === "username" ? canonicalUsername(text) : canonicalUserId(text);
  return isViolation(value) ? value : { kind, value };
}

/** As `canonicalIdentifier`, for a contact. */
export function canonicalContact(rules: PhoneRules, kind: Contact["kind"], text: string): Contact | FieldViolation {
  const value = kind === "email" ? canonicalEmail(text) : canonicalPhone(rules, text);
  return isViolation(value) ? value : { kind, value };
}

/** ASCII local part (RFC 5321 dot-string) in lower case, domain in A-label form. */
function canonicalEmail(text: string): string | FieldViolation {
  const trimmed = text.trim();
  const at = trimmed.lastIndexOf("@");
  const local = trimmed.slice(0, at);
  const domain = canonicalDomain(trimmed.slice(at + 1));
  const good =
    at > 0 && local.length <= 64 && ascii.test(local) && localPart.test(local.toLowerCase()) && hostName.test(domain);
  const value = `${local.toLowerCase()}@${domain}`;
  if (good && value.length <= 254) return value;
  return { field: "email", description: "must be an e-mail address like name@example.com" };
}

/**
 * Returns an empty text if the domain is refused. The library parses a host as in URLs: it would cut at a slash, decode percent
 * signs and fold look-alike letters. So only a domain that equals its own A-label round trip is accepted.
 */
function canonicalDomain(text: string): string {
  const written = text.toLowerCase();
  if (!/^[a-z0-9.\-\u{80}-\u{10ffff}]+$/u.test(written)) return "";
  const converted = domainToASCII(written);
  return (ascii.test(written) ? converted : domainToUnicode(converted)) === written ? converted : "";
}

/** Checks before lower-casing, because some non-ASCII letters have ASCII lower-case forms. */
export function canonicalUsername(text: string): string | FieldViolation {
  const value = ascii.test(text) ? text.toLowerCase() : "";
  if (usernameText.test(value)) return value;
  const description = "must be 3 to 32 characters: a letter, then letters, digits, dots, underscores or hyphens";
  return { field: "username", description };
}

const userIdText = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function canonicalUserId(text: string): string | FieldViolation {
  const value = text.toLowerCase();
  return userIdText.test(value) ? value : { field: "user_id", description: "must be a UUID" };
}

/** Returns whether the identifier is itself a contact. Other identifiers name a user whose contacts are not known from them. */
export function isContact(identifier: Identifier): identifier is Contact {
  return identifier.kind === "email" || identifier.kind === "phone";
}

/** Returns whether codes over the channel can reach the identifier. The user of a username or user id may have any contact. */
export function channelReaches(channel: Channel, identifier: Identifier): boolean {
  return !isContact(identifier) || identifier.kind === contactKindOf[channel];
}

/** The channel for a code if the caller names none. */
export function defaultChannelFor(policy: Pick<Policy, "channels" | "defaultChannel">, identifier: Identifier): Channel {
  const { channels, defaultChannel } = policy;
  if (isContact(identifier)) return channelAmong(channels, identifier.kind);
  if (defaultChannel !== null && channels.includes(defaultChannel)) return defaultChannel;
  return channels.includes("email") ? "email" : channelAmong(channels, "phone");
}
