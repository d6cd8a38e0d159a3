import { RouteError } from "../failure.js";
import type { BeemCode } from "./codes.js";

/** Returns a field as text. Throws `RouteError` with Beem's code for a field that is missing. */
export function given(field: string | number | undefined, missing: BeemCode): string {
  const text = String(field ?? "").trim();
  if (text === "") throw new RouteError("REQUEST_INVALID", "A field is missing.", { code: String(missing) });
  return text;
}

/** Beem's numbers are international ones without a plus sign. */
export function phoneOf(msisdn: string): string {
  return `+${msisdn.replace(/^\+/, "")}`;
}
