import type { FieldViolation } from "../model/violation.js";

/** Returns the violations without those that say the same of another field. */
export function distinct(violations: readonly FieldViolation[]): readonly FieldViolation[] {
  return violations.filter(
    ({ description }, index) => violations.findIndex((violation) => violation.description === description) === index,
  );
}

/**
 * Describes a violation in terms of options. `names` has what gives a field where that is not the option of its name.
 * `redirect_uris[0]` is the first entry of `--redirect-uris`. Values of a policy have their own names.
 */
export function sentenceOf({ field, description }: FieldViolation, names: Readonly<Record<string, string>>): string {
  const [, policyField] = /^policy\.(\w+)/.exec(field) ?? [];
  if (policyField !== undefined) return `${policyField} ${description}.`;
  const [, name = field, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(field) ?? [];
  const option = names[name] ?? `--${name.replaceAll("_", "-")}`;
  return `${option}${index === undefined ? "" : `, entry ${Number(index) + 1},`} ${description}.`;
}
