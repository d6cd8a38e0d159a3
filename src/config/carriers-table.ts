import type { Channel } from "../model/channel.js";
import { type CarrierEntry, parseCarriers } from "./carriers.js";
import { both, type Setting, setting } from "./setting.js";

const several = "Several URLs, separated by commas, are tried in this order. `#name` at the end of a URL names the carrier.";

function carriersSetting(
  channel: Channel,
  row: { readonly name: `LATCHKEY_${string}`; readonly purpose: string; readonly unit: string },
): Setting<readonly CarrierEntry[]> {
  return setting({
    ...row,
    purpose: `${row.purpose} ${several}`,
    topic: "Carriers",
    defaults: both(null),
    defaultsShown: {
      development: "none, messages go to the inbox only",
      production: "none, but one channel needs a carrier",
    },
    secret: true,
    parse: (text, mode, files) => parseCarriers(text, { channel, mode, files }),
  });
}

/** The settings of the carriers, one for each channel. Their order is that of the channels. */
export const carriersTable = {
  smtp: carriersSetting("email", {
    name: "LATCHKEY_SMTP_URL",
    purpose:
      "The mail server that sends codes. Parameters: `from`, the sender; `starttls`, which is required, optional or never; `ca`, a PEM file of certificates to trust instead of the system's; `insecure=1`, outside production only, to accept any certificate; `dkim_selector`, `dkim_domain` and `dkim_key`, a PEM file, to sign messages.",
    unit: "smtp:// or smtps:// URL, user:password@host:port?from=…&starttls=…&ca=…",
  }),
  sms: carriersSetting("sms", {
    name: "LATCHKEY_SMS_URL",
    purpose: "The carrier that sends codes by SMS.",
    unit: "URL of a carrier",
  }),
  whatsapp: carriersSetting("whatsapp", {
    name: "LATCHKEY_WHATSAPP_URL",
    purpose: "The carrier that sends codes by WhatsApp.",
    unit: "URL of a carrier",
  }),
  voice: carriersSetting("voice", {
    name: "LATCHKEY_VOICE_URL",
    purpose: "The carrier that calls people and says codes.",
    unit: "URL of a carrier",
  }),
  ussd: carriersSetting("ussd", {
    name: "LATCHKEY_USSD_URL",
    purpose: "The carrier that shows codes by USSD.",
    unit: "URL of a carrier",
  }),
};
