import { type AwsOptions, createAwsClient } from "../aws/aws-client.js";
import { isPhone } from "../destination.js";
import type { CheckedProvider, Message } from "../provider.js";

export interface SnsOptions extends AwsOptions {
  /** The sender that phones show, where the country allows one. Null: none. */
  readonly senderId: string | null;
}

/** Sends SMS through Amazon SNS (Publish to a phone number) with its credentials, or those that the AWS SDK finds. */
export function createSnsProvider(options: SnsOptions): CheckedProvider {
  const { name, senderId } = options;
  const aws = createAwsClient(options, async (config) => {
    const sdk = await import("@aws-sdk/client-sns");
    return { sdk, client: new sdk.SNSClient(config) };
  });

  return {
    name,
    channels: ["sms"],
    async send(message) {
      if (!isPhone(message.to.value)) return { kind: "permanent", detail: "not a number that messages can be sent to" };
      return aws.send(({ sdk, client }) => client.send(new sdk.PublishCommand(smsOf(message, senderId))));
    },
    check: () =>
      aws.check("sns:Publish and sns:GetSMSAttributes", async ({ sdk, client }) => {
        await client.send(new sdk.GetSMSAttributesCommand({ attributes: ["MonthlySpendLimit"] }));
        return null;
      }),
    close: aws.close,
  };
}

/** A name of letters and digits, or a number of the account. https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html */
function senderOf<T>(sender: string | null, text: (value: string) => T): Readonly<Record<string, T>> {
  if (sender === null) return {};
  if (/^\+?\d+$/.test(sender)) return { "AWS.MM.SMS.OriginationNumber": text(sender) };
  return { "AWS.SNS.SMS.SenderID": text(sender.replaceAll(" ", "")) };
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
      ...senderOf(message.senderId ?? senderId, text),
    },
  };
}
