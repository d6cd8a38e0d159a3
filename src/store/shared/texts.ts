/**
 * Writes U+0000 as `\0`, since PostgreSQL's texts hold every other character; a name given by a person may have it. Half a surrogate
 * pair, which UTF-8 has no form for, becomes U+FFFD.
 */
export function escapeNul(text: string): string {
  return Buffer.from(text).toString().replaceAll("\\", "\\\\").replaceAll("\0", "\\0");
}

/** The text that `escapeNul` wrote. */
export function unescapeNul(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === "0" ? "\0" : char));
}
