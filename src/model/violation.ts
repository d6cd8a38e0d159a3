/** Describes what is wrong with one field of a request, in words for the caller. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** Returns whether a rule of this folder rejected its input. */
export function isViolation(result: unknown): result is FieldViolation {
  return typeof result === "object" && result !== null && "field" in result && "description" in result;
}
