import { type AwsOptions, createAwsClient } from "../aws/aws-client.js";
import { isEmail, isSender } from "../destination.js";
import type { CheckedProvider, Message } from "../provider.js";

export interface SesOptions extends AwsOptions {
  readonly from: { readonly name: string; readonly address: string };
  /** Null: none. */
  readonly configurationSet: string | null;
}

/** Sends e-mail through Amazon SES (API v2, SendEmail) with its credentials, or those that the AWS SDK finds. */
export function createSesProvider(options: SesOptions): CheckedProvider {
  const { name, from, configurationSet } = options;
  if (!isSender(from.address)) throw new Error("the sender of e-mail must be one plain address");
  const aws = createAwsClient(options, async (config) => {
    const sdk = await import("@aws-sdk/client-sesv2");
    return { sdk, client: new sdk.SESv2Client(config) };
  });

  return {
    name,
    channels: ["email"],
    async send(message) {
      if (!isEmail(message.to.value)) return { kind: "permanent", detail: "not an address that mail can be sent to" };
      const email = emailOf(message, { from, configurationSet });
      return aws.send(({ sdk, client }) => client.send(new sdk.SendEmailCommand(email)));
    },
    check: () =>
      aws.check("ses:SendEmail and ses:GetAccount", async ({ sdk, client }) => {
        const { SendingEnabled } = await client.send(new sdk.GetAccountCommand({}));
        return SendingEnabled === false ? "SES has sending paused for this account and region: look at its console" : null;
      }),
    close: aws.close,
  };
}

function emailOf(message: Message, { from, configurationSet }: { from: SesOptions["from"]; configurationSet: string | null }) {
  const utf8 = (text: string) => ({ Data: text, Charset: "UTF-8" });
  return {
    FromEmailAddress: senderOf(message.senderName === "" ? from : { ...from, name: message.senderName }),
    Destination: { ToAddresses: [message.to.value] },
    Content: {
      Simple: {
        Subject: utf8(message.subject.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ")),
        Body: { Text: utf8(message.text), Html: utf8(message.html) },
        Headers: [
          { Name: "Auto-Submitted", Value: "auto-generated" },
          { Name: "X-Auto-Response-Suppress", Value: "All" },
        ],
      },
    },
    ...(configurationSet === null ? {} : { ConfigurationSetName: configurationSet }),
  };
}

/** Returns the sender as SES wants it: ASCII, other names as an encoded word (RFC 2047). */
function senderOf({ name, address }: SesOptions["from"]): string {
  const plain = name.replace(/[\p{C}"\\]/gu, " ").trim();
  if (plain === "") return address;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII.
  const isAscii = /^[\x00-\x7f]*$/.test(plain);
  return `${isAscii ? `"${plain}"` : `=?UTF-8?B?${Buffer.from(plain).toString("base64")}?=`} <${address}>`;
}
