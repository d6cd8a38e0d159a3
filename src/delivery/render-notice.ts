import { toGsm7 } from "../model/gsm7.js";
import type { OutboxMessage } from "../store/port/outbox.js";
import type { Brand } from "./mail/parts.js";
import { writeMail } from "./mail/write-mail.js";
import type { Message } from "./provider.js";
import { cleanName } from "./render.js";
import { textsFor } from "./texts/languages.js";
import { isolated } from "./texts/texts.js";

type Delivery = NonNullable<OutboxMessage["delivery"]>;

export interface NoticeInput {
  readonly delivery: Pick<Delivery, "challengeId" | "channel" | "contact" | "locale" | "expiresAt">;
  readonly notice: NonNullable<Delivery["notice"]>;
  readonly sendKey: string;
  /** Where the reader can take the contact back, and for how many days. */
  readonly url: string;
  readonly days: number;
  readonly brand: Brand;
  readonly senderName: string;
}

/** Renders the notice to a contact that was replaced or removed. It has no code. */
export function renderNotice({ delivery, notice, sendKey, url, days, brand, senderName }: NoticeInput): Message {
  const { challengeId, channel, contact, locale, expiresAt } = delivery;
  const texts = textsFor(locale, contact);
  const { language, direction } = texts;
  const what = `${contact.kind}_${notice}` as const;
  const common = {
    ...{ challengeId, sendKey, channel, to: contact, expiresAt },
    code: "",
    locale: language,
    senderId: null,
    senderName: cleanName(senderName),
  };
  const appName = cleanName(brand.appName);
  if (channel !== "email") {
    const text = texts.noticeSms(what, { appName, days, url });
    return { subject: "", text: texts.smsAlphabet === "gsm7" ? toGsm7(text) : text, html: "", ...common };
  }
  const { subject } = texts.notice(what, { appName, days });
  const { explanation, sentence, label } = texts.notice(what, { appName: isolated(texts, appName), days });
  const mail = writeMail({
    ...{ language, direction, subject, explanation },
    code: "",
    headline: subject,
    validity: "",
    warning: "",
    notMe: { sentence, label, url },
    brand: { ...brand, appName },
  });
  return { subject, ...mail, ...common };
}
