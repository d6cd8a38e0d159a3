import { Secret } from "../../lib/secret.js";
import type { Channel } from "../../model/channel.js";
import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type Endpoint, readEndpoint } from "./endpoint.js";
import { type ProviderContext, type ProviderUrl, splitProviderUrl } from "./provider-url.js";
import { trustParameters } from "./trust.js";

/** The channels that Twilio carries. */
export const twilioChannels = ["sms", "whatsapp", "voice"] as const satisfies readonly Channel[];
export type TwilioChannel = (typeof twilioChannels)[number];

export interface Twilio extends Endpoint {
  readonly channel: TwilioChannel;
  readonly account: string;
  readonly token: Secret<string>;
  readonly sender: { readonly from: string } | { readonly messagingService: string };
  /** The template of WhatsApp. Null: none. */
  readonly template: { readonly contentSid: string; readonly variable: string } | null;
}

const form = "twilio://AC…:token@api.twilio.com?from=+1… or &messaging_service=MG…";
const known = ["from", "messaging_service", "content_sid", "content_variable", ...trustParameters];

/** Reads the URL of Twilio for one channel. Throws SettingError. Messages repeat nothing of the URL. */
export function readTwilioUrl(text: string, named: Channel, context: ProviderContext): Twilio {
  const channel = twilioChannels.find((known) => known === named);
  if (channel === undefined) throw new SettingError(`must be of another provider: Twilio does not carry ${named}`);
  return withPasswordHint(text, () => {
    const url = splitProviderUrl(text, { form, known });
    const endpoint = readEndpoint(url, form, context);
    if (!/^AC[0-9a-fA-F]{32}$/.test(url.user)) {
      throw new SettingError("must have the account as its user: AC and 32 hexadecimal digits, as Twilio's console shows it");
    }
    if (url.password === "") throw new SettingError(`must have the auth token as its password: ${form}`);
    return {
      ...endpoint,
      channel,
      account: url.user,
      token: new Secret(url.password),
      sender: readSender(url, channel),
      template: readTemplate(url, channel, context),
    };
  });
}

const senderForms: Readonly<Record<TwilioChannel, { readonly pattern: RegExp; readonly text: string }>> = {
  sms: {
    pattern: /^(\+[1-9]\d{6,14}|[1-9]\d{2,7}|(?=[\d ]*[A-Za-z])[A-Za-z0-9 ]{1,11})$/,
    text: "a number such as +14155550100, a short code, or a name of at most 11 letters, digits and spaces",
  },
  whatsapp: { pattern: /^whatsapp:\+[1-9]\d{6,14}$/, text: "whatsapp: and a number, such as whatsapp:+14155550100" },
  voice: { pattern: /^\+[1-9]\d{6,14}$/, text: "a number such as +14155550100" },
};

function readSender(url: ProviderUrl, channel: TwilioChannel): Twilio["sender"] {
  const [from, service] = [url.parameter("from"), url.parameter("messaging_service")];
  if (service !== undefined) {
    if (channel === "voice") throw new SettingError("must not have `messaging_service` for calls: name a number as `from`");
    if (from !== undefined) throw new SettingError("must not have both `from` and `messaging_service`: remove one");
    if (!/^MG[0-9a-fA-F]{32}$/.test(service)) {
      throw new SettingError("must have the id of a messaging service as `messaging_service`: MG and 32 hexadecimal digits");
    }
    return { messagingService: service };
  }
  const { pattern, text } = senderForms[channel];
  if (from === undefined || !pattern.test(from)) throw new SettingError(`must name the sender as \`from\`: ${text}`);
  return { from };
}

function readTemplate(url: ProviderUrl, channel: TwilioChannel, { isProduction }: ProviderContext): Twilio["template"] {
  const [contentSid, variable] = [url.parameter("content_sid"), url.parameter("content_variable")];
  if (channel !== "whatsapp") {
    if (contentSid === undefined && variable === undefined) return null;
    throw new SettingError("must have `content_sid` and `content_variable` for WhatsApp only: remove them");
  }
  if (contentSid === undefined) {
    // Twilio's sandbox takes texts.
    if (!isProduction && variable === undefined) return null;
    throw new SettingError("must name an approved WhatsApp template as `content_sid`: HX and 32 hexadecimal digits");
  }
  if (!/^HX[0-9a-fA-F]{32}$/.test(contentSid)) {
    throw new SettingError("must have the id of a template as `content_sid`: HX and 32 hexadecimal digits");
  }
  if (variable !== undefined && !/^[A-Za-z0-9_]{1,32}$/.test(variable)) {
    throw new SettingError("must have the name of the template's placeholder for the code as `content_variable`, such as 1");
  }
  return { contentSid, variable: variable ?? "1" };
}
