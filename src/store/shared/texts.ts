/**
 * Writes U+0000 as `\0`, because PostgreSQL's texts can't hold it and a name entered by a person may contain it. An unpaired
 * surrogate, which UTF-8 can't represent, becomes U+FFFD.
 */
export function escapeNul(text: string): string {
  return Buffer.from(text).toString().replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

/** Reverses `escapeNul`. */
export function unescapeNul(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === "0" ? "\0" : char));
}
