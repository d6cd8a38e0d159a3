import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type Aws, splitAwsUrl } from "./aws-url.js";
import type { ProviderContext } from "./provider-url.js";
import { parseSender, type Smtp } from "./smtp-url.js";

export interface Ses extends Aws {
  /** `name` may be empty. */
  readonly from: Smtp["from"];
  /** Null: none. */
  readonly configurationSet: string | null;
}

const form = "ses://eu-central-1?from=codes@example.com";

/** Reads the URL of Amazon SES. Throws SettingError. */
export function parseSesUrl(text: string, context: ProviderContext): Ses {
  return withPasswordHint(text, () => read(text, context));
}

function read(text: string, context: ProviderContext): Ses {
  const { parameter, ...aws } = splitAwsUrl(text, { form, known: ["from", "configuration_set"], context });
  const from = parameter("from");
  if (from === undefined) throw new SettingError(`must name the sender: write ${form}`);
  const configurationSet = parameter("configuration_set") ?? null;
  if (configurationSet !== null && !/^[A-Za-z0-9_-]{1,64}$/.test(configurationSet)) {
    throw new SettingError("must have 1 to 64 letters, digits, hyphens and underscores as `configuration_set`");
  }
  return { ...aws, from: parseSender(from), configurationSet };
}
