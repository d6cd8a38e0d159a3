import type { SNSClient } from "@aws-sdk/client-sns";
import { createAwsHandler } from "../aws/aws-http.js";
import { resultOfAwsFailure } from "../aws/aws-result.js";
import { explicitCredentials } from "../aws/credentials.js";
import { isPhone } from "../destination.js";
import { type CarrierHttpOptions, createCarrierHttp } from "../http/carrier-request.js";
import type { CheckedProvider, Message } from "../provider.js";

export interface SnsOptions extends CarrierHttpOptions {
  readonly name: string;
  readonly region: string;
  /** The sender that phones show, where the country allows one. Null: none. */
  readonly senderId: string | null;
  /** Null or left out: those that the SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: { reveal(): string } } | null;
  /** The URL of another endpoint than the region's. Null: none. */
  readonly endpoint: string | null;
}

/**
 * Sends SMS through Amazon SNS (Publish to a phone number) with its credentials, or those that the AWS SDK finds. The SDK is loaded at the
 * first use, because it takes longer to load than the whole server.
 */
export function createSnsProvider(options: SnsOptions): CheckedProvider {
  const { name, region, endpoint, senderId } = options;
  const http = createCarrierHttp(options);
  let loaded: Promise<{ readonly sdk: typeof import("@aws-sdk/client-sns"); readonly client: SNSClient }> | null = null;

  async function load() {
    const sdk = await import("@aws-sdk/client-sns");
    // The outbox retries.
    const own = explicitCredentials(options.credentials);
    const common = { region, maxAttempts: 1, requestHandler: createAwsHandler(http), ...own };
    return { sdk, client: new sdk.SNSClient({ ...common, ...(endpoint === null ? {} : { endpoint }) }) };
  }

  return {
    name,
    channels: ["sms"],
    async send(message) {
      if (!isPhone(message.to.value)) return { kind: "permanent", detail: "not a number that messages can be sent to" };
      try {
        loaded ??= load();
        const { sdk, client } = await loaded;
        const { MessageId } = await client.send(new sdk.PublishCommand(smsOf(message, senderId)));
        if (MessageId === undefined) return { kind: "unknown", detail: "the answer of SNS has no message id" };
        return { kind: "sent", detail: "accepted", providerMessageId: MessageId };
      } catch (error) {
        return resultOfAwsFailure(error);
      }
    },
    async check() {
      try {
        loaded ??= load();
        const { sdk, client } = await loaded;
        await client.send(new sdk.GetSMSAttributesCommand({ attributes: ["MonthlySpendLimit"] }));
        return null;
      } catch (error) {
        return `${resultOfAwsFailure(error).detail} (the role needs sns:Publish and sns:GetSMSAttributes)`;
      }
    },
    async close() {
      http.close();
    },
  };
}

/** Transactional messages have the route with the highest reliability. */
function smsOf(message: Message, senderId: string | null) {
  const text = (value: string) => ({ DataType: "String", StringValue: value });
  return {
    PhoneNumber: message.to.value,
    // Phones show a control character as a blank or not at all.
    Message: message.text.replace(/[^\P{Cc}\n]/gu, " "),
    MessageAttributes: {
      "AWS.SNS.SMS.SMSType": text("Transactional"),
      ...(senderId === null ? {} : { "AWS.SNS.SMS.SenderID": text(senderId) }),
    },
  };
}
