/** Returns a code as text. One that comes as a number has lost its leading zeros and gets them back. */
export function codeText(code: string | number, length: number): string {
  return typeof code === "number" ? String(code).padStart(length, "0") : code;
}
