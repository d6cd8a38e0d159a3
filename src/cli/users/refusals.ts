import type { AuthError } from "../../auth/errors.js";
import { testDetail } from "../../messages/retry-message.js";
import { timeText } from "../apps/output.js";
import { distinct, sentenceOf } from "../violation-sentence.js";

/** Describes a refusal of a use case of people, one sentence a line. */
export function sentencesOf({ reason, violations, metadata, detail, retryAfterMs }: AuthError, appId: string): string {
  switch (reason) {
    case "REQUEST_INVALID":
      return distinct(violations)
        .map((violation) => sentenceOf(violation, options))
        .join("\n");
    case "APP_NOT_FOUND":
      return "There is no app with this id: see `latchkey app list`.";
    case "USER_NOT_FOUND":
      return `The app ${appId} has no such user: \`latchkey user find\` says more.`;
    case "SESSION_NOT_FOUND":
      return "The user has no live session with this id: see `latchkey user sessions`.";
    case "ALREADY_EXISTS":
      return metadata.field === undefined
        ? `The app ${appId} has this user already: see \`latchkey user find ${metadata.user_id} --app ${appId}\`.`
        : `${options[metadata.field] ?? metadata.field} belongs to another user: \`latchkey user find\` shows it. Nothing was changed.`;
    case "TOO_MANY_CONTACTS":
      return "The user has the most contacts of this kind that one can have: remove one first.";
    case "LAST_CONTACT":
      return "This is the last contact of the user, or the last verified one: add another one first.";
    case "MESSAGE_NOT_FOUND":
      return `The app ${appId} has no message with this id. Name the app of the message with --app: see \`latchkey message list --app ${appId}\`.`;
    case "PROVIDER_NOT_FOUND":
      return `The app ${appId} has no carrier of this name: see \`latchkey provider list --app ${appId}\`.`;
    case "CODE_INVALID":
      if (detail === testDetail) {
        return `The message was a test, whose code can't be sent again: send another by \`latchkey send-test --app ${appId}\`.`;
      }
      return "The code of this message can't be sent again: it has expired, was redeemed, or has no sends left. Request a new one.";
    case "CHANNEL_UNAVAILABLE":
      return `No channel of the app reaches the user's contacts: see \`latchkey app policy ${appId}\`.`;
    case "COUNTRY_NOT_ALLOWED":
      return `The app sends no messages to the country of this number: add it to LATCHKEY_SMS_COUNTRIES, and to the app's sms_countries if \`latchkey app policy ${appId}\` shows any.`;
    case "PURPOSE_NOT_ALLOWED":
      return `The app does not allow sign-ins by code: \`latchkey app policy ${appId} --set code_sign_in=on\` allows them.`;
    case "TOO_MANY_REQUESTS":
      if (detail === "unblock") {
        const until = timeText(Date.now() + (retryAfterMs ?? 0));
        return `The user was unblocked 5 times in 24 hours, which is the limit. Nothing was changed. Try again at ${until}.`;
      }
      return `Too many messages went to this contact: try again in ${Math.ceil((retryAfterMs ?? 0) / 1000)} s.`;
    default:
      return `${reason}: ${detail}.`;
  }
}

/** What gives a field, where that is not the option of its name. */
const options: Readonly<Record<string, string>> = {
  display_name: "--name",
  owner_organization: "--organization",
  client_id: "--client",
  end_user_ip: "--address",
  session_id: "--session",
  user_id: "The user id",
  number: "The number",
  email: "The e-mail address",
  phone: "The phone number",
  username: "The username",
  external_id: "The external id",
  contact: "The contact",
  name: "The name",
  url: "The URL",
  gateway: "The description",
};
