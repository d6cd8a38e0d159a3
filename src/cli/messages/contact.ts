import type { Contact } from "../../model/contact.js";
import { CliError } from "../io.js";

/**
 * Returns the kind of contact that a text looks like. The use case checks whether it is a good one. Throws `CliError`, whose message
 * does not repeat the text.
 */
export function contactIn(option: string, text: string): Contact {
  if (text.includes("@")) return { kind: "email", value: text };
  if (/^\+?[\d\s()./-]*\d[\d\s()./-]*$/.test(text)) return { kind: "phone", value: text };
  throw new CliError(
    `${option} takes an e-mail address like name@example.com, or a phone number in international form like +46701234567.`,
  );
}
