/** The placeholders of texts, such as `{otp}`. */
export const placeholders = ["otp", "app", "minutes"] as const;
export type Placeholder = (typeof placeholders)[number];

const known = new RegExp(`\\{(${placeholders.join("|")})\\}`, "g");

/** Inserts the values of a text's placeholders in one pass: a value that looks like a placeholder stays as it is. */
export function fill(text: string, values: Readonly<Record<Placeholder, string>>): string {
  return text.replace(known, (_, name: Placeholder) => values[name]);
}

/** Returns how often a text has a placeholder. */
export function countOf(text: string, name: Placeholder): number {
  return text.split(`{${name}}`).length - 1;
}
