/** C0 and C1 controls, DEL, line and paragraph separators, invisible and direction-changing characters, lone surrogates. */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Returns the text on one line. Characters that could control a terminal or start a new line are written as `\u{…}`. */
export function escapeControls(text: string): string {
  return text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Quotes a value for use in a sentence: escaped, and cut after 60 characters. */
export function quote(text: string): string {
  return `"${escapeControls(text.length > 60 ? `${text.slice(0, 60)}…` : text)}"`;
}
