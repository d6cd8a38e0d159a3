/** Returns the fields of a JSON object, or none if the text is not one. Never throws. */
export function readJsonObject(text: Buffer | string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text.toString());
    return typeof parsed === "object" && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
