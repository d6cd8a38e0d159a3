import { renderMessage } from "../delivery/render.js";
import { resolvePolicy, withChannelsOf } from "../model/app-policy.js";
import type { Purpose } from "../model/challenge.js";
import { type Channel, contactKindOf } from "../model/channel.js";
import { notMePath } from "../model/not-me.js";
import { type SmsSize, smsSizeOf } from "../model/sms-size.js";
import { appTextViolations, messageWordsViolations } from "../model/text-rules.js";
import type { AppText, MessageWords, Wording } from "../model/wording.js";
import type { AppsDeps } from "./deps.js";
import { messageAppOf } from "./message-app.js";
import { getApp } from "./read-apps.js";
import { refuseViolations } from "./refusals.js";
import { canonical, isSame } from "./texts.js";

export interface PreviewInput {
  readonly appId: string;
  readonly channel: Channel;
  readonly wording: Wording;
  /** Empty: no locale was given. */
  readonly locale: string;
  /** A text that the app does not have yet. Null: none. */
  readonly draft: AppText | null;
  /** What a call would say. */
  readonly words: MessageWords;
}

export interface Preview {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Empty: it is no mail. */
  readonly senderName: string;
  readonly locale: string;
  /** Null: it is not an SMS. */
  readonly size: SmsSize | null;
}

/** What the code of a preview begins with. It is no code of anybody. */
const sampleCode = "1234567890";

const sampleContacts = {
  email: { kind: "email", value: "ada@example.com" },
  phone: { kind: "phone", value: "+46701234567" },
} as const;

/** When a message has which wording. */
const causes: Readonly<Record<Wording, { readonly purpose: Purpose; readonly hasUser: boolean; readonly invited: boolean }>> = {
  login: { purpose: "login", hasUser: true, invited: false },
  invitation: { purpose: "login", hasUser: true, invited: true },
  registration: { purpose: "registration", hasUser: false, invited: false },
  registration_of_known: { purpose: "registration", hasUser: true, invited: false },
  verify_email: { purpose: "verify_contact", hasUser: true, invited: false },
  verify_phone: { purpose: "verify_contact", hasUser: true, invited: false },
};

/** Renders a message of an app as it would be sent, with a sample code. Throws APP_NOT_FOUND and REQUEST_INVALID. */
export async function previewMessage(deps: AppsDeps, input: PreviewInput): Promise<Preview> {
  const { channel, wording, words } = input;
  const app = await getApp(deps, input);
  const draft = input.draft === null ? null : canonical(input.draft);
  refuseViolations([
    ...(draft === null ? [] : appTextViolations(draft, app.wording, "draft")),
    ...messageWordsViolations(words, app.wording),
  ]);
  const { appName, policy } = deps.deployment;
  const { codeLength, codeTtlMs } = resolvePolicy(app.policy, withChannelsOf(app.carriers, policy));
  const look = messageAppOf(app, appName);
  const kept = draft === null ? look.texts : [draft, ...look.texts.filter((text) => !isSame(text, draft))];
  const message = renderMessage({
    ...look,
    ...causes[wording],
    texts: kept,
    channel,
    code: sampleCode.slice(0, codeLength),
    locale: input.locale,
    expiresInMinutes: codeTtlMs / 60_000,
    words,
    notMeUrl: channel === "email" ? `${deps.deployment.issuer}${notMePath}/preview` : null,
    to: sampleContacts[contactKindOf[channel]],
    challengeId: "preview",
    sendKey: "preview",
    expiresAt: deps.clock() + codeTtlMs,
  });
  const { subject, text, html, locale } = message;
  const senderName = channel === "email" ? message.senderName : "";
  return { subject, text, html, senderName, locale, size: channel === "sms" ? smsSizeOf(text) : null };
}
