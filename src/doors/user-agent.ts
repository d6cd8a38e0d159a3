const charactersMax = 256;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g;

/** What a device calls itself, short and without control characters: it is shown to people and written to the log. */
export function cleanUserAgent(header: string | undefined): string {
  if (header === undefined) return "";
  return header.slice(0, charactersMax).replace(controlCharacters, "").trim();
}
