import type { SESv2Client } from "@aws-sdk/client-sesv2";
import { createAwsHandler } from "../aws/aws-http.js";
import { resultOfAwsFailure } from "../aws/aws-result.js";
import { explicitCredentials } from "../aws/credentials.js";
import { isEmail, isSender } from "../destination.js";
import { type CarrierHttpOptions, createCarrierHttp } from "../http/carrier-request.js";
import type { CheckedProvider, Message } from "../provider.js";

export interface SesOptions extends CarrierHttpOptions {
  readonly name: string;
  readonly region: string;
  readonly from: { readonly name: string; readonly address: string };
  /** Null: none. */
  readonly configurationSet: string | null;
  /** Null or left out: those that the SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: { reveal(): string } } | null;
  /** The URL of another endpoint than the region's. Null: none. */
  readonly endpoint: string | null;
}

/**
 * Sends e-mail through Amazon SES (API v2, SendEmail) with its credentials, or those that the AWS SDK finds. The SDK is loaded at the first
 * use, because it takes longer to load than the whole server.
 */
export function createSesProvider(options: SesOptions): CheckedProvider {
  const { name, region, endpoint, configurationSet } = options;
  const http = createCarrierHttp(options);
  const from = senderOf(options.from);
  let loaded: Promise<{ readonly sdk: typeof import("@aws-sdk/client-sesv2"); readonly client: SESv2Client }> | null = null;

  async function load() {
    const sdk = await import("@aws-sdk/client-sesv2");
    // The outbox retries.
    const own = explicitCredentials(options.credentials);
    const common = { region, maxAttempts: 1, requestHandler: createAwsHandler(http), ...own };
    return { sdk, client: new sdk.SESv2Client({ ...common, ...(endpoint === null ? {} : { endpoint }) }) };
  }

  return {
    name,
    channels: ["email"],
    async send(message) {
      if (!isEmail(message.to.value)) return { kind: "permanent", detail: "not an address that mail can be sent to" };
      try {
        loaded ??= load();
        const { sdk, client } = await loaded;
        const { MessageId } = await client.send(new sdk.SendEmailCommand(emailOf(message, { from, configurationSet })));
        if (MessageId === undefined) return { kind: "unknown", detail: "the answer of SES has no message id" };
        return { kind: "sent", detail: "accepted", providerMessageId: MessageId };
      } catch (error) {
        return resultOfAwsFailure(error);
      }
    },
    async check() {
      try {
        loaded ??= load();
        const { sdk, client } = await loaded;
        const { SendingEnabled } = await client.send(new sdk.GetAccountCommand({}));
        return SendingEnabled === false ? "SES has sending paused for this account and region: look at its console" : null;
      } catch (error) {
        return `${resultOfAwsFailure(error).detail} (the role needs ses:SendEmail and ses:GetAccount)`;
      }
    },
    async close() {
      http.close();
    },
  };
}

function emailOf(message: Message, { from, configurationSet }: { from: string; configurationSet: string | null }) {
  const utf8 = (text: string) => ({ Data: text, Charset: "UTF-8" });
  return {
    FromEmailAddress: from,
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
  if (!isSender(address)) throw new Error("the sender of e-mail must be one plain address");
  const plain = name.replace(/[\p{C}"\\]/gu, " ").trim();
  if (plain === "") return address;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII.
  const isAscii = /^[\x00-\x7f]*$/.test(plain);
  return `${isAscii ? `"${plain}"` : `=?UTF-8?B?${Buffer.from(plain).toString("base64")}?=`} <${address}>`;
}
