import type { Contact } from "./contact.js";

/** Masks a contact for callers and logs: `j***@example.com`, `*******8901`. */
export function maskContact(contact: Contact): string {
  return contact.kind === "email" ? maskEmail(contact.value) : maskPhone(contact.value);
}

function maskEmail(address: string): string {
  const at = address.lastIndexOf("@");
  return `${address.slice(0, Math.min(at, 1))}***${address.slice(at)}`;
}

function maskPhone(number: string): string {
  const digits = number.replace(/\D/g, "");
  return digits.slice(-4).padStart(digits.length, "*");
}
