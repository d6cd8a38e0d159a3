import { type SenderSupport, senderSupport } from "./sender-countries.js";

/** A name that phones show. All carriers take these characters. */
const nameForm = /^(?=.*[A-Za-z])[A-Za-z0-9](?:[A-Za-z0-9 -]{0,9}[A-Za-z0-9])?$/;
/** A number in E.164 form, or a short code. */
const numberForm = /^(?:\+[1-9]\d{6,14}|\d{3,8})$/;

export const senderProblem =
  "must be 1 to 11 ASCII letters, digits, spaces and hyphens with a letter, a number such as +46701234567, or a short code";

export function isSender(text: string): boolean {
  return nameForm.test(text) || numberForm.test(text);
}

export function isSenderName(sender: string): boolean {
  return /[A-Za-z]/.test(sender);
}

/** The sender of an SMS, and why it is that one. */
export interface ChosenSender {
  /** Null: the sender in the settings of the carrier. */
  readonly sender: string | null;
  readonly support: SenderSupport;
}

/**
 * Returns the first of the wanted senders that a country takes. Numbers are always taken. A name is taken where names are allowed. Where
 * they must be registered, or nothing is known, it is taken if the route names its countries or numbers: its author then knows about
 * the registration. Without a number, a name is also tried where nothing is known.
 */
export function senderFor(
  wanted: readonly string[],
  { country, isNamed }: { readonly country: string | null; readonly isNamed: boolean },
): ChosenSender {
  const support = senderSupport(country);
  const takesNames = support === "allowed" || (support !== "forbidden" && isNamed);
  const sure = wanted.find((sender) => takesNames || !isSenderName(sender));
  const tried = support === "unknown" ? wanted[0] : undefined;
  return { sender: sure ?? tried ?? null, support };
}
