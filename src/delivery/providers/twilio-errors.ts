import { type Meaning, resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";

const ofTo: Meaning = ["permanent", "the number is not a valid one"];
const ofSender: Meaning = ["sender_refused", "the sender can't be used: check `from` or `messaging_service`"];
// Whether WhatsApp wants a template, and has it in a language, depends on the recipient.
const ofTemplate: Meaning = ["sender_refused", "the WhatsApp template can't be used: check `content_sid` and its approval"];
const ofAccount: Meaning = ["misconfigured", "the account is not active"];
const ofRate: Meaning = ["temporary", "too many messages at once"];
const ofUnreachable: Meaning = ["permanent", "the phone can't be reached"];

/**
 * What Twilio's error codes mean for a message, in answers and in reports. Codes that are not listed say nothing that helps.
 * https://www.twilio.com/docs/api/errors
 */
const meanings: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [10001, ofAccount],
  [10004, ["temporary", "too many calls at once"]],
  [13223, ofTo],
  [13224, ofTo],
  [13227, ["permanent", "the account has no permission to call this country: allow it in Twilio's voice settings"]],
  [14107, ofRate],
  [20003, ["misconfigured", "the account or its token is wrong"]],
  [20005, ofAccount],
  [20404, ["misconfigured", "the account is unknown"]],
  [20429, ofRate],
  [20503, ["unavailable", "Twilio is not available now"]],
  [21210, ofSender],
  [21211, ofTo],
  [21212, ofSender],
  [21214, ofUnreachable],
  [21215, ["permanent", "the account has no permission to call this country: allow it in Twilio's voice settings"]],
  [21216, ["permanent", "the account may not call this number"]],
  [21217, ofTo],
  [21219, ["permanent", "a trial account sends to verified numbers only"]],
  [21408, ["permanent", "the account has no permission to send to this country: allow it in Twilio's messaging settings"]],
  [21601, ofSender],
  [21603, ofSender],
  [21604, ofTo],
  [21606, ofSender],
  [21608, ["permanent", "a trial account sends to verified numbers only"]],
  [21609, ["misconfigured", "Twilio refuses the address of reports: check LATCHKEY_ISSUER"]],
  [21610, ["permanent", "the recipient has unsubscribed from this sender"]],
  [21611, ["temporary", "the queue of the sender is full"]],
  [21612, ["permanent", "this sender can't reach this number"]],
  [21614, ["permanent", "the number is not a mobile one"]],
  [21617, ["permanent", "the text is too long"]],
  [21635, ["permanent", "the number is a landline"]],
  [21655, ofTemplate],
  [21656, ofTemplate],
  [21659, ofSender],
  [21660, ofSender],
  [21701, ofSender],
  [21703, ["sender_refused", "the messaging service has no sender"]],
  [21705, ofSender],
  [21730, ["unavailable", "Twilio is under maintenance"]],
  [30001, ["temporary", "the queue of the sender is full"]],
  [30002, ofAccount],
  [30003, ofUnreachable],
  [30004, ["permanent", "the message was blocked"]],
  [30005, ["permanent", "the number is unknown"]],
  [30006, ["permanent", "the number is a landline or can't be reached"]],
  [30007, ["permanent", "the message was filtered as spam"]],
  [30008, ["permanent", "the operator gave no cause"]],
  [30022, ofRate],
  [30034, ["sender_refused", "the sender is not registered for A2P 10DLC"]],
  [30036, ["permanent", "the code expired before the message was sent"]],
  [63001, ["misconfigured", "WhatsApp refuses the sender's credentials"]],
  [63003, ["permanent", "the number has no WhatsApp"]],
  [63005, ["permanent", "WhatsApp refuses the content"]],
  [63007, ofSender],
  [63012, ["unavailable", "WhatsApp has an internal error"]],
  [63013, ["permanent", "WhatsApp refuses the message by its policy"]],
  [63016, ["sender_refused", "WhatsApp takes templates only: set `content_sid`"]],
  [63017, ofRate],
  [63018, ofRate],
  [63020, ["misconfigured", "the WhatsApp business account has not accepted Twilio's invitation"]],
  [63021, ofTemplate],
  [63024, ["permanent", "the number has no WhatsApp"]],
  [63027, ofTemplate],
  [63028, ofTemplate],
  [63030, ofTemplate],
  [63032, ["permanent", "WhatsApp does not deliver to this user now"]],
  [63038, ["unavailable", "the account has reached its messages of a day"]],
  [63040, ofTemplate],
  [63041, ofTemplate],
]);

/** Returns the text of an error code, such as `Twilio error 21211: the number is not a valid one`. */
export function twilioCause(code: number): string {
  const meaning = meanings.get(code);
  return meaning === undefined ? `Twilio error ${code}` : `Twilio error ${code}: ${meaning[1]}`;
}

/** The result of a send that ended with this error code, or null if the code is not a known one. `retryAfterMs` is what Twilio asks for. */
export function resultOfTwilioError(code: number, retryAfterMs: number | null = null): DeliveryFailure | null {
  const meaning = meanings.get(code);
  return meaning === undefined ? null : resultOfMeaning(meaning[0], twilioCause(code), retryAfterMs);
}
