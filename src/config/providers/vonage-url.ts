import { Secret } from "../../lib/secret.js";
import { withPasswordHint } from "../password-hint.js";
import { SettingError } from "../setting.js";
import { type Endpoint, readEndpoint } from "./endpoint.js";
import { type ProviderContext, splitProviderUrl } from "./provider-url.js";
import { trustParameters } from "./trust.js";

export interface Vonage extends Endpoint {
  /** The API key: 8 letters and digits. */
  readonly key: string;
  readonly secret: Secret<string>;
  /** What reports are signed with. Null: all reports are refused. */
  readonly signatureSecret: Secret<string> | null;
  readonly from: string;
}

const form = "vonage://key:secret@rest.nexmo.com?from=…";
const known = ["from", "signature_secret", ...trustParameters];
const senderPattern = /^(\+?[1-9]\d{6,14}|[1-9]\d{2,7}|(?=[\d ]*[A-Za-z])[A-Za-z0-9 ]{1,11})$/;

/** Reads the URL of Vonage. Throws SettingError. Messages repeat nothing of the URL. */
export function readVonageUrl(text: string, context: ProviderContext): Vonage {
  return withPasswordHint(text, () => {
    const url = splitProviderUrl(text, { form, known });
    const endpoint = readEndpoint(url, form, context);
    if (!/^[0-9A-Za-z]{8}$/.test(url.user)) {
      throw new SettingError("must have the API key as its user: 8 letters and digits, as Vonage's dashboard shows it");
    }
    if (url.password === "") throw new SettingError(`must have the API secret as its password: ${form}`);
    const from = url.parameter("from");
    if (from === undefined || !senderPattern.test(from)) {
      throw new SettingError(
        "must name the sender as `from`: a number such as +14155550100, a short code, or a name of at most 11 letters, digits and spaces",
      );
    }
    const signatureSecret = url.parameter("signature_secret");
    if (signatureSecret === "") {
      throw new SettingError("must not have an empty `signature_secret`: copy it from Vonage's API settings, or remove it");
    }
    return {
      ...endpoint,
      key: url.user,
      secret: new Secret(url.password),
      signatureSecret: signatureSecret === undefined ? null : new Secret(signatureSecret),
      from,
    };
  });
}
