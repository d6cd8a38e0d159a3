import type { Purpose } from "../model/challenge.js";
import type { Channel } from "../model/channel.js";
import type { Contact } from "../model/contact.js";
import type { EpochMs } from "../model/time.js";
import { toGsm7 } from "./gsm7.js";
import { renderHtml } from "./html.js";
import type { Message } from "./provider.js";
import { textsFor } from "./texts/languages.js";
import type { Texts, Values, Wording } from "./texts/texts.js";

export interface RenderInput {
  readonly purpose: Purpose;
  readonly channel: Channel;
  readonly code: string;
  /** A BCP 47 tag. An unknown or invalid one means English. */
  readonly locale: string;
  /**
   * Whether the contact has a user. If so, the message of a registration is worded as a sign-in, because that is what happens.
   */
  readonly hasUser: boolean;
  /** Whether that user is invited. If so, the message of a sign-in is worded as an invitation. */
  readonly invited: boolean;
  readonly expiresInMinutes: number;
  readonly appName: string;
  readonly to: Contact;
  readonly challengeId: string;
  readonly sendKey: string;
  readonly expiresAt: EpochMs;
}

const smsAppNameMax = 24;

/** Renders a message. Values are inserted as they are and are never interpreted as templates. */
export function renderMessage(input: RenderInput): Message {
  const { challengeId, sendKey, channel, to, code } = input;
  const texts = textsFor(input.locale);
  const wording = wordingOf(input);
  const values = { code, appName: cleanName(input.appName), minutes: Math.max(1, Math.round(input.expiresInMinutes)) };
  const common = { challengeId, sendKey, channel, to, code, locale: texts.language, expiresAt: input.expiresAt };
  if (channel === "voice") {
    return { subject: "", text: voiceText(texts, wording, values), html: "", ...common };
  }
  if (channel !== "email") {
    return { subject: "", text: smsText(texts, wording, values), html: "", ...common };
  }
  const subject = `${code} ${texts.headline(wording, values)}`;
  return { subject, text: emailText(subject, texts, wording, values), html: renderHtml(texts, wording, values), ...common };
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

function emailText(subject: string, texts: Texts, wording: Wording, values: Values): string {
  return [subject, texts.explanation(wording, values), texts.validity(values), texts.warning(values), ""]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function smsText(texts: Texts, wording: Wording, values: Values): string {
  const appName = toGsm7(values.appName).slice(0, smsAppNameMax).trim();
  return toGsm7(texts.sms(wording, { ...values, appName })).replace(/ {2,}/g, " ");
}

/** A voice reads digits one by one only if they are apart, and a person who picks up the phone may miss the first time. */
function voiceText(texts: Texts, wording: Wording, values: Values): string {
  return texts.voice(wording, { ...values, code: [...values.code].join(", ") });
}

/** Replaces line breaks, control characters and invisible characters that change the writing direction. */
function cleanName(name: string): string {
  return name
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, " ")
    .replace(/\s+/g, " ")
    .trim();
}
