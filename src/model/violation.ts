/** Describes what is wrong with one field of a request, in words for the caller. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** Returns what is wrong with the items of a list: those that are in it twice, and those in which `problemOf` finds a problem. */
export function itemViolations(
  field: string,
  items: readonly string[],
  problemOf: (item: string) => string | null,
): FieldViolation[] {
  return items.flatMap((item, index) => {
    const description = items.indexOf(item) < index ? "is in the list twice" : problemOf(item);
    return description === null ? [] : [{ field: `${field}[${index}]`, description }];
  });
}

/** Returns whether a rule of this folder rejected its input. */
export function isViolation(result: unknown): result is FieldViolation {
  return typeof result === "object" && result !== null && "field" in result && "description" in result;
}
