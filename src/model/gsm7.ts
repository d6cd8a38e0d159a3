/** The GSM 03.38 default alphabet in the order of its codes, without the escape character at 0x1B. */
const basicCharacters =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const escapeCode = 0x1b;

const basic = new Map([...basicCharacters].map((character, index) => [character, index < escapeCode ? index : index + 1]));
const extended = new Map([
  ["^", 0x14],
  ["{", 0x28],
  ["}", 0x29],
  ["\\", 0x2f],
  ["[", 0x3c],
  ["~", 0x3d],
  ["]", 0x3e],
  ["|", 0x40],
  ["€", 0x65],
]);

/**
 * Returns the septets of one character in the GSM 03.38 alphabet: one, or two with the escape character. Returns null if the
 * alphabet does not have it.
 */
export function gsm7Septets(character: string): readonly number[] | null {
  const code = basic.get(character);
  if (code !== undefined) return [code];
  const second = extended.get(character);
  return second === undefined ? null : [escapeCode, second];
}

/**
 * Returns how many septets a text takes in the GSM 03.38 alphabet. Returns null if it has other characters and would be sent as
 * UCS-2.
 */
export function gsm7Length(text: string): number | null {
  let length = 0;
  for (const character of text) {
    const septets = gsm7Septets(character);
    if (septets === null) return null;
    length += septets.length;
  }
  return length;
}

/** What a reader takes for a character that GSM-7 does not have, and that has no accent to lose. */
const alike: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ı: "i",
    ł: "l",
    Ł: "L",
    đ: "d",
    Đ: "D",
    œ: "oe",
    Œ: "OE",
    "’": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "–": "-",
    "—": "-",
  }),
);

/**
 * Converts a text to the GSM 03.38 basic alphabet. Other letters lose their accents, and remaining characters are dropped. A
 * single other character would halve the length of an SMS and so double the price.
 */
export function toGsm7(text: string): string {
  let result = "";
  for (const character of text) {
    result += basic.has(character) ? character : (alike.get(character) ?? withoutAccents(character));
  }
  return result;
}

function withoutAccents(character: string): string {
  return [...character.normalize("NFKD")].filter((part) => basic.has(part)).join("");
}
