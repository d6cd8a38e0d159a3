const charactersMax = 256;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g;

/** Returns the device's description, shortened and without control characters, because it is shown to people and logged. */
export function cleanUserAgent(header: string | undefined): string {
  if (header === undefined) return "";
  return header.slice(0, charactersMax).replace(controlCharacters, "").trim();
}
