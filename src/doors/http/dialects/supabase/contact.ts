import { RouteError } from "../failure.js";

/** A contact as the API takes it. */
export interface Named {
  readonly case: "email" | "phone";
  readonly value: string;
}

interface Given {
  readonly email?: string | null;
  readonly phone?: string | null;
}

/** Returns the contact of a body. Throws `RouteError` with these words for none or both, and for a text that is no phone number. */
export function contactIn({ email, phone }: Given, words: { readonly none: string; readonly both: string }): Named {
  if (email && phone) throw invalid(words.both);
  if (email) return { case: "email", value: email };
  if (!phone) throw invalid(words.none);
  return { case: "phone", value: internationalOf(phone) };
}

/** Returns a vendor's refusal of a request. */
export function invalid(message: string): RouteError {
  return new RouteError("REQUEST_INVALID", message);
}

/** Supabase writes numbers without the plus sign, and takes them with it and with spaces. */
function internationalOf(phone: string): string {
  const digits = phone.replace(/^\+/, "").replaceAll(" ", "");
  if (!/^[1-9][0-9]{1,14}$/.test(digits)) throw invalid("Invalid phone number format (E.164 required)");
  return `+${digits}`;
}
