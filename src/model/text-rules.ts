import type { Channel } from "./channel.js";
import { linksIn, phoneNumberIn } from "./links.js";
import { countOf, fill, type Placeholder, placeholders } from "./placeholders.js";
import { isSender, senderProblem } from "./sender.js";
import { smsSizeOf } from "./sms-size.js";
import { type FieldViolation, itemViolations } from "./violation.js";
import type { AppText, AppWording, MessageWords } from "./wording.js";

/** How long an own text may be: characters, and short messages with the longest values. */
interface Bounds {
  readonly characters: number;
  readonly segments?: number;
}

const textBounds: Readonly<Record<Channel, Bounds>> = {
  email: { characters: 2_000 },
  sms: { characters: 500, segments: 3 },
  whatsapp: { characters: 1_000 },
  voice: { characters: 500 },
  // 3GPP TS 23.038 §6.1.2.2: 160 octets of 7-bit characters.
  ussd: { characters: 182 },
};
export const subjectMax = 120;
export const customMessageMax = 200;
const customSegmentsMax = 2;

/** The longest values that Latchkey inserts into a short message. */
const longest: Readonly<Record<Placeholder, string>> = { otp: "0".repeat(10), app: "a".repeat(24), minutes: "10" };

type Rules = Pick<AppWording, "linkHosts" | "autofill">;

/** Returns all that is wrong with a text of an app. Fields are named as in the API, below the request's field `at`. */
export function appTextViolations({ channel, locale, subject, text }: AppText, rules: Rules, at = "text"): FieldViolation[] {
  const problems = [
    ...(text === "" ? ["is required"] : placeholderProblems(text, { required: ["otp"] })),
    ...characterProblems(text, { lines: channel === "email" || channel === "sms" || channel === "whatsapp" }),
    ...lengthProblems(text, textBounds[channel], channel === "sms" ? rules : null),
    ...linkProblems(text, rules),
  ];
  const ofSubject =
    channel !== "email" && subject !== "" ? ["must be left out: only a mail has a subject"] : subjectProblems(subject, rules);
  const ofLocale = locale === canonicalLocale(locale) ? [] : ["must be a BCP 47 tag such as de or pt-BR, or empty"];
  return [...named(`${at}.locale`, ofLocale), ...named(`${at}.subject`, ofSubject), ...named(`${at}.text`, problems)];
}

/**
 * Returns a BCP 47 tag as it is usually written. Returns it unchanged if it is empty, and null if it is no such tag. No language has a
 * code of more than three letters, so `german` is a mistake.
 */
export function canonicalLocale(locale: string): string | null {
  if (locale === "") return "";
  try {
    return (locale.length <= 35 && !/^[a-z]{4}/i.test(locale) && Intl.getCanonicalLocales(locale)[0]) || null;
  } catch {
    return null;
  }
}

/** Returns all that is wrong with what a call says about its messages. Fields are named as in the API. */
export function messageWordsViolations(
  { customMessage, subject, senderId }: MessageWords,
  wording: AppWording,
): FieldViolation[] {
  const isListed = senderId === undefined || wording.senderIds.includes(senderId);
  return [
    ...named("custom_message", customMessage === undefined ? [] : customMessageProblems(customMessage, wording)),
    ...named(
      "subject",
      subject === undefined ? [] : [...subjectProblems(subject, wording), ...phoneProblems(subject, wording)],
    ),
    ...named("sender_id", isListed ? [] : ["is none of the app's sender_ids"]),
  ];
}

function customMessageProblems(text: string, wording: AppWording): string[] {
  return [
    ...placeholderProblems(text, { required: ["otp", "app"], once: ["otp", "app"] }),
    ...characterProblems(text, { lines: false }),
    ...lengthProblems(text, { characters: customMessageMax, segments: customSegmentsMax }, wording),
    ...linkProblems(text, wording),
    ...phoneProblems(text, wording),
  ];
}

function subjectProblems(subject: string, rules: Rules): string[] {
  return [
    ...placeholderProblems(subject, { required: [] }),
    ...characterProblems(subject, { lines: false }),
    ...lengthProblems(subject, { characters: subjectMax }, null),
    ...linkProblems(subject, rules),
  ];
}

function placeholderProblems(
  text: string,
  { required, once = [] }: { readonly required: readonly Placeholder[]; readonly once?: readonly Placeholder[] },
): string[] {
  const missing = required.filter((name) => countOf(text, name) === 0).map((name) => `must have {${name}}`);
  const repeated = once.filter((name) => countOf(text, name) > 1).map((name) => `must have {${name}} once only`);
  const known = `${placeholders.map((name) => `{${name}}`).join(", ")}`;
  const stray = text.replace(/\{(?:otp|app|minutes)\}/g, " ").match(/\{[^{}]{0,20}\}?|\}/);
  const unknown = stray === null ? [] : [`has ${quoted(stray[0])}: braces are only for the placeholders ${known}`];
  // A mark would strike through or encircle the last character of the value.
  const marked = /\}[\p{M}\u200c\u200d]/u.test(text) ? ["must not have a mark or joiner behind a placeholder"] : [];
  return [...missing, ...repeated, ...unknown, ...marked];
}

/** The joiners that Arabic, Persian and Indian scripts need, and what chooses the form of an emoji. */
const joiners = /\u200c|\u200d|\ufe0e|\ufe0f/g;
const unseen = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u;

function characterProblems(text: string, { lines }: { readonly lines: boolean }): string[] {
  const rest = text.replace(joiners, "").replaceAll("\n", lines ? "" : "\n");
  if (!unseen.test(rest)) return [];
  return [`must not have control or invisible characters${lines ? " except line ends (\\n)" : ", nor line ends"}`];
}

/** Of a text that Latchkey sends by SMS, with the line that lets browsers read the code. */
function lengthProblems(text: string, bounds: Bounds, sms: Rules | null): string[] {
  const { length } = [...text];
  const tooLong = length > bounds.characters ? [`has ${length} characters: at most ${bounds.characters} are allowed`] : [];
  if (bounds.segments === undefined || sms === null || tooLong.length > 0) return tooLong;
  const { encoding, segments } = smsSizeOf(fill(text, longest) + autofillLines(sms));
  if (segments <= bounds.segments) return [];
  const advice = encoding === "ucs2" ? ", or use only characters of the GSM alphabet" : "";
  return [`takes up to ${segments} short messages, and at most ${bounds.segments} are allowed: shorten it${advice}`];
}

function autofillLines({ autofill: { webHost, androidHash } }: Rules): string {
  const lines = [...(androidHash === "" ? [] : [androidHash]), ...(webHost === "" ? [] : [`@${webHost} #${longest.otp}`])];
  return lines.map((line) => `\n${line}`).join("");
}

/** So that a placeholder can't hide a part of a link: names stand for those of hosts, numbers for those of IP addresses. */
const visible: readonly Readonly<Record<Placeholder, string>>[] = [
  { otp: "otp", app: "app", minutes: "minutes" },
  { otp: "100", app: "app", minutes: "5" },
];

function linkProblems(text: string, { linkHosts }: Rules): string[] {
  const foreign = visible
    .map((values) => linksIn(fill(text, values)).filter(({ host }) => host === null || !linkHosts.includes(host)))
    .find((found) => found.length > 0);
  return (foreign ?? []).map(
    ({ text }) => `has the link ${quoted(text)}: only https links to the app's link_hosts are allowed`,
  );
}

function phoneProblems(text: string, { senderIds }: AppWording): string[] {
  const found = phoneNumberIn(
    text,
    senderIds.filter((id) => /^\+?\d+$/.test(id)),
  );
  return found === null ? [] : [`has ${quoted(found)}, which looks like a phone number: only those of sender_ids are allowed`];
}

const hostForm = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:xn--[a-z0-9-]{1,59}|[a-z]{2,63})$/;
const hostProblem = "must be a host name in lower case such as shop.example.com, without https://, port and path";
const listMax = 20;

/** Returns all that is wrong with an app's wording, except its texts. Fields are named as in the API. */
export function wordingViolations(wording: Omit<AppWording, "texts">): FieldViolation[] {
  const { senderName, accentColor, linkHosts, senderIds, autofill } = wording;
  const nameProblems = characterProblems(senderName, { lines: false });
  const { webHost, androidHash } = autofill;
  return [
    ...named("sender_name", [...nameProblems, ...lengthProblems(senderName, { characters: 40 }, null)]),
    ...named(
      "accent_color",
      /^(?:#[0-9a-f]{6})?$/.test(accentColor) ? [] : ["must be a colour such as #1a73e8, in lower case"],
    ),
    ...listViolations("link_hosts", linkHosts, (host) => (hostForm.test(host) ? null : hostProblem)),
    ...listViolations("sender_ids", senderIds, (id) => (isSender(id) ? null : senderProblem)),
    ...named("autofill.web_host", webHost === "" || hostForm.test(webHost) ? [] : [hostProblem]),
    ...named(
      "autofill.android_hash",
      /^(?:[A-Za-z0-9+/]{11})?$/.test(androidHash) ? [] : ["must be the 11 characters of Google's SMS Retriever API"],
    ),
  ];
}

function listViolations(field: string, items: readonly string[], problemOf: (item: string) => string | null): FieldViolation[] {
  const tooMany = items.length > listMax ? [{ field, description: `must have at most ${listMax} items` }] : [];
  return [...tooMany, ...itemViolations(field, items, problemOf)];
}

function named(field: string, problems: readonly string[]): FieldViolation[] {
  return problems.map((description) => ({ field, description }));
}

function quoted(text: string): string {
  return `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}
