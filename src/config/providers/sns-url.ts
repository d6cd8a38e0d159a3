import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type Aws, splitAwsUrl } from "./aws-url.js";
import type { ProviderContext } from "./provider-url.js";

export interface Sns extends Aws {
  /** The sender that phones show. Null: Amazon chooses. */
  readonly senderId: string | null;
}

const form = "sns://eu-central-1, or sns://eu-central-1?sender_id=Latchkey";

/** Reads the URL of Amazon SNS. Throws SettingError. */
export function parseSnsUrl(text: string, context: ProviderContext): Sns {
  return withPasswordHint(text, () => read(text, context));
}

function read(text: string, context: ProviderContext): Sns {
  const { parameter, ...aws } = splitAwsUrl(text, { form, known: ["sender_id"], context });
  const senderId = parameter("sender_id") ?? null;
  // https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html: up to 11 letters and digits, at least one letter.
  if (senderId !== null && !/^(?=.*[A-Za-z])[A-Za-z0-9]{1,11}$/.test(senderId)) {
    throw new SettingError("must have at most 11 letters and digits, and at least one letter, as `sender_id`");
  }
  return { ...aws, senderId };
}
