import { type Channel, channels } from "../../model/channel.js";
import { SettingError } from "../setting.js";
import { type GatewaySettings, parseGatewayUrl } from "./gateway-url.js";
import type { ProviderContext } from "./provider-url.js";
import { parseSesUrl, type Ses } from "./ses-url.js";
import { readSmppUrl, type Smpp } from "./smpp-url.js";
import { parseSmtpUrl, type Smtp } from "./smtp-url.js";
import { parseSnsUrl, type Sns } from "./sns-url.js";
import { readTwilioUrl, type Twilio, twilioChannels } from "./twilio-url.js";
import { readVonageUrl, type Vonage } from "./vonage-url.js";

/** The settings of one provider, by its kind. */
export type ProviderSpec =
  | { readonly kind: "smtp"; readonly smtp: Smtp }
  | { readonly kind: "smpp"; readonly smpp: Smpp }
  | { readonly kind: "http-gateway"; readonly settings: GatewaySettings }
  | { readonly kind: "ses"; readonly ses: Ses }
  | { readonly kind: "sns"; readonly sns: Sns }
  | { readonly kind: "twilio"; readonly twilio: Twilio }
  | { readonly kind: "vonage"; readonly vonage: Vonage };

interface Scheme {
  /** The channels whose settings may name such a URL. */
  readonly channels: readonly Channel[];
  readonly read: (text: string, context: ProviderContext, channel: Channel) => ProviderSpec;
}

const smtp: Scheme = {
  channels: ["email"],
  read: (text, context) => ({ kind: "smtp", smtp: parseSmtpUrl(text, context) }),
};

const smpp: Scheme = {
  channels: ["sms"],
  read: (text, context) => ({ kind: "smpp", smpp: readSmppUrl(text, context) }),
};

const gateway: Scheme = {
  channels,
  read: (text, context, channel) => ({ kind: "http-gateway", settings: parseGatewayUrl(text, channel, context) }),
};
const ses: Scheme = { channels: ["email"], read: (text, context) => ({ kind: "ses", ses: parseSesUrl(text, context) }) };
const sns: Scheme = { channels: ["sms"], read: (text, context) => ({ kind: "sns", sns: parseSnsUrl(text, context) }) };
const twilio: Scheme = {
  channels: twilioChannels,
  read: (text, context, channel) => ({ kind: "twilio", twilio: readTwilioUrl(text, channel, context) }),
};
const vonage: Scheme = {
  channels: ["sms"],
  read: (text, context) => ({ kind: "vonage", vonage: readVonageUrl(text, context) }),
};

/** One line a scheme. */
const schemes: Readonly<Record<string, Scheme>> = {
  smtp,
  smtps: smtp,
  smpp,
  smpps: smpp,
  ses,
  sns,
  twilio,
  vonage,
  "http-gateway": gateway,
};

/** Reads a provider's URL, without a fragment, for one channel. Throws SettingError. */
export function readProvider(text: string, channel: Channel, context: ProviderContext): ProviderSpec {
  const scheme = schemes[/^([a-z-]+):/.exec(text)?.[1] ?? ""];
  if (scheme === undefined || !scheme.channels.includes(channel)) {
    const known = Object.keys(schemes).filter((name) => schemes[name]!.channels.includes(channel));
    if (known.length === 0) throw new SettingError("is not supported yet: remove it");
    throw new SettingError(`must begin with ${known.map((name) => `${name}://`).join(", ")}`);
  }
  return scheme.read(text, context, channel);
}
