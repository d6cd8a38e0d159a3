import type { FieldViolation } from "../model/violation.js";

/** Returns the violations without those that say the same of another field. */
export function distinct(violations: readonly FieldViolation[]): readonly FieldViolation[] {
  return violations.filter(
    ({ description }, index) => violations.findIndex((violation) => violation.description === description) === index,
  );
}

/**
 * Describes a violation in terms of options. `names` has what gives a field where that is not the option of its name.
 * `redirect_uris[0]` is the first entry of `--redirect-uris`. Values of a policy have their own names. Routes are counted as
 * `routing show` counts them.
 */
export function sentenceOf({ field, description }: FieldViolation, names: Readonly<Record<string, string>>): string {
  const [, policyField] = /^policy\.(\w+)/.exec(field) ?? [];
  if (policyField !== undefined) return `${policyField} ${description}.`;
  const ofRoute = /^routes\[(\d+)\](?:\.(\w+)(?:\[(\d+)\])?(?:\.weight)?)?$/.exec(field);
  if (ofRoute !== null)
    return `${entryOfRoute(ofRoute)} ${description.replace(/routes\[(\d+)\]/g, (_, index) => `route ${Number(index) + 1}`)}.`;
  const [, step] = /^workflow\[(\d+)\]/.exec(field) ?? [];
  if (step !== undefined) return `--then, entry ${Number(step) + 1}, ${description}.`;
  const path = field.replace(/^wording\./, "");
  const [, name = path, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(path) ?? [];
  const option = names[name] ?? `--${name.replaceAll("_", "-")}`;
  return `${option}${index === undefined ? "" : `, entry ${Number(index) + 1},`} ${description}.`;
}

function entryOfRoute([, route, list, index]: RegExpExecArray): string {
  const entry = index === undefined ? "" : `, ${list}, entry ${Number(index) + 1},`;
  return `Route ${Number(route) + 1} in --file${entry}`;
}
