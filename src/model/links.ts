/**
 * Returns what in a text phones and mail programs would make a link, in the order of the text: URLs, bare domains, IP addresses and
 * e-mail addresses. Their host is null if the link is not a plain one: of another scheme than https, with a user, or not ASCII.
 * Forms that only look alike, such as full-width letters and dots, count as what they look like.
 */
export function linksIn(text: string): readonly Link[] {
  return [...readable(text).matchAll(link)].map(([whole]) => ({ text: whole, host: hostOf(whole) }));
}

export interface Link {
  readonly text: string;
  readonly host: string | null;
}

/** Without characters that can't be seen, which would hide a link from this look but not from the one of a phone. */
function readable(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/\p{Cf}/gu, "")
    .replaceAll(/[。｡](?=[a-z]{2})/giu, ".");
}

const label = "[\\p{L}\\p{N}](?:[\\p{L}\\p{N}\\p{M}_-]*[\\p{L}\\p{N}\\p{M}])?";
const domain = `(?:${label}\\.)+(?:xn--[a-z0-9-]+|[\\p{L}\\p{M}]{2,})`;
const address = "(?:\\d{1,3}\\.){3}\\d{1,3}|\\[[0-9a-f:.]*:[0-9a-f:.]*\\]";
const rest = '(?:[/?#:\\\\][^\\s<>"]*)?';
const schemes = "tel|sms|smsto|mailto|callto|geo|intent|market|data|javascript|facetime|whatsapp";

const link = new RegExp(
  `[a-z][a-z0-9+.-]*:[/\\\\]{2}[^\\s<>"]*|(?<![\\p{L}\\p{N}])(?:${schemes}):[^\\s<>"]+|` +
    `(?:[\\p{L}\\p{N}._%+-]+@)?(?:${domain}|${address})${rest}`,
  "giu",
);

function hostOf(text: string): string | null {
  if (/[^\x21-\x7e]|\\/.test(text)) return null;
  if (/^[^/?#:]+@/.test(text)) return hostOf(text.slice(text.indexOf("@") + 1));
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, username, password } = new URL(url);
  // A name that another program would read as the user is refused too.
  const isPlain = protocol === "https:" && username === "" && password === "" && !text.includes("@");
  return isPlain ? hostname : null;
}

/** What may stand between two digits of one number. Marks can turn digits into pictures of keys. */
const gap = "[\\s()./+\\p{Pd}\\p{M}·•*_]{0,3}";

const number = new RegExp(`[+(]{0,2}\\p{Nd}(?:${gap}\\p{Nd}){4,}`, "u");
const joinedNumber = new RegExp(`[+\\p{Nd}]\\{\\w+\\}|\\{\\w+\\}\\p{Nd}|\\p{Nd}(?:${gap}\\p{Nd}){2}${gap}\\{\\w+\\}`, "u");

/**
 * Returns the first part of a text that a phone could take for a number to call, or null. Five digits are enough, because short
 * numbers can be the expensive ones. Digits beside a placeholder count, because its value would make them longer.
 *
 * @param known Numbers that the text may have where they are no part of a longer one.
 */
export function phoneNumberIn(text: string, known: readonly string[]): string | null {
  const seen = readable(known.reduce(withoutNumber, text));
  const [digits] = number.exec(seen.replaceAll(/[{}]/g, "|")) ?? [];
  return digits ?? joinedNumber.exec(seen)?.[0] ?? null;
}

function withoutNumber(text: string, known: string): string {
  // Short codes must not stand beside other digits, or several could form a number.
  const beside = known.startsWith("+") ? "" : gap;
  const alone = `(?<!\\p{Nd}${beside})${known.replace("+", "\\+")}(?!${beside}\\p{Nd})`;
  return text.replaceAll(new RegExp(alone, "gu"), "|");
}
