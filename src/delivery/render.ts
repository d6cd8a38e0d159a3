import type { Purpose } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import { countOf, fill } from "../model/placeholders.js";
import type { EpochMs } from "../model/time.js";
import type { AppText, Autofill, MessageWords, Wording } from "../model/wording.js";
import type { Brand } from "./mail/parts.js";
import { writeMail } from "./mail/write-mail.js";
import type { Message } from "./provider.js";
import { shortMessage } from "./short-message.js";
import { languageOfNumber, textsFor } from "./texts/languages.js";
import { ownTextOf } from "./texts/own-text.js";
import { isolated, type Texts, type Values } from "./texts/texts.js";

export interface RenderInput {
  readonly purpose: Purpose;
  readonly channel: Channel;
  readonly code: string;
  /** A BCP 47 tag. An unknown or invalid one means the language of the number's country, or English. */
  readonly locale: string;
  /**
   * Whether the contact has a user. If so, the message of a registration is worded as a sign-in, because that is what happens.
   */
  readonly hasUser: boolean;
  /** Whether that user is invited. If so, the message of a sign-in is worded as an invitation. */
  readonly invited: boolean;
  readonly expiresInMinutes: number;
  readonly brand: Brand;
  /** The app's texts, which come before those of Latchkey. */
  readonly texts: readonly AppText[];
  /** What the call says, which comes before the app's texts. Null: nothing. */
  readonly words: MessageWords | null;
  /** The name that a mail comes from. Empty: that of the carrier's settings. */
  readonly senderName: string;
  readonly autofill: Autofill;
  /** Where a reader can say that they did not request the code. Null: the mail has no such link. */
  readonly notMeUrl: string | null;
  readonly to: Contact;
  readonly challengeId: string;
  readonly sendKey: string;
  readonly expiresAt: EpochMs;
}

/** Renders a message. Values are inserted as they are and are never interpreted as templates. */
export function renderMessage(input: RenderInput): Message {
  const { challengeId, sendKey, channel, to, code, words, expiresAt } = input;
  const locale = input.locale || languageOfNumber(to) || "";
  const texts = textsFor(locale, to);
  const wording = wordingOf(input);
  const appName = cleanName(input.brand.appName);
  const values = { code, appName, minutes: Math.max(1, Math.round(input.expiresInMinutes)) };
  const own = ownTextOf(input.texts, { channel, wording, locale, words });
  const common = {
    ...{ challengeId, sendKey, channel, to, code, expiresAt },
    locale: own.locale || texts.language,
    senderId: words?.senderId ?? null,
    senderName: cleanName(input.senderName),
  };
  if (channel !== "email") {
    return { subject: "", text: phoneText(input, { texts, wording, values, own: own.text }), html: "", ...common };
  }
  const subject = filled(own.subject, values) || `${code} ${texts.headline(wording, values)}`;
  const isolatedValues = { ...values, appName: isolated(texts, appName) };
  const mail = writeMail({
    language: texts.language,
    direction: texts.direction,
    subject,
    code,
    headline: own.text === "" ? texts.headline(wording, isolatedValues) : "",
    explanation: filled(own.text, isolatedValues) || texts.explanation(wording, isolatedValues),
    validity: countOf(own.text, "minutes") > 0 ? "" : texts.validity(isolatedValues),
    warning: texts.warning(isolatedValues),
    notMe: input.notMeUrl === null ? null : { ...texts.notMe(isolatedValues), url: input.notMeUrl },
    brand: { ...input.brand, appName },
  });
  return { subject, ...mail, ...common };
}

function wordingOf(input: RenderInput): Wording {
  switch (input.purpose) {
    case "login":
      return input.invited ? "invitation" : "login";
    case "registration":
      return input.hasUser ? "registration_of_known" : "registration";
    case "verify_contact":
    case "change_contact":
      return input.to.kind === "email" ? "verify_email" : "verify_phone";
  }
}

interface Said {
  readonly texts: Texts;
  readonly wording: Wording;
  readonly values: Values;
  /** The app's or the call's own text. Empty: none. */
  readonly own: string;
}

function phoneText({ channel, autofill }: RenderInput, said: Said): string {
  const { texts, wording, values } = said;
  const own = said.own === "" ? null : (given: Values) => filled(said.own, given);
  switch (channel) {
    case "voice":
      return voiceText(said);
    case "whatsapp":
      return own === null ? texts.sms(wording, values).replace(/ {2,}/g, " ") : own(values);
    default:
      return shortMessage({ texts, wording, values, own, autofill: channel === "sms" ? autofill : noAutofill });
  }
}

const noAutofill: Autofill = { webHost: "", androidHash: "" };

/** A voice reads digits one by one only if they are apart, and a person who picks up the phone may miss the first time. */
function voiceText({ texts, wording, values, own }: Said): string {
  const spoken = { ...values, code: [...values.code].join(", ") };
  if (own === "") return texts.voice(wording, spoken);
  const once = filled(own, spoken);
  return countOf(own, "otp") > 1 ? once : `${once} ${once}`;
}

function filled(text: string, { code, appName, minutes }: Values): string {
  return fill(text, { otp: code, app: appName, minutes: String(minutes) });
}

/** Replaces line breaks, control characters and invisible characters that change the writing direction. */
export function cleanName(name: string): string {
  return name
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
}
