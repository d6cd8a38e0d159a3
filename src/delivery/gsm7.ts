const basic = new Set(
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
);
const extended = new Set("^{}\\[~]|€");

/**
 * Returns how many septets a text takes in the GSM 03.38 alphabet. Returns null if it has other characters and would be sent as
 * UCS-2.
 */
export function gsm7Length(text: string): number | null {
  let length = 0;
  for (const character of text) {
    if (basic.has(character)) length += 1;
    else if (extended.has(character)) length += 2;
    else return null;
  }
  return length;
}

/**
 * Converts a text to the GSM 03.38 basic alphabet. Other letters lose their accents, and remaining characters are dropped. A
 * single other character would halve the length of an SMS and so double the price.
 */
export function toGsm7(text: string): string {
  let result = "";
  for (const character of text) {
    result += basic.has(character) ? character : [...character.normalize("NFKD")].filter((part) => basic.has(part)).join("");
  }
  return result;
}
