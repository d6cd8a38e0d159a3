import { type Meaning, resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";

const ofCredentials: Meaning = ["misconfigured", "the API key or secret is wrong"];

/** What the statuses of answers mean for a message. https://developer.vonage.com/en/api-errors/sms */
const meanings: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ["1", ["temporary", "too many messages at once"]],
  // A message has all parameters that are needed, unless a setting is wrong or a proxy removes them.
  ["2", ["misconfigured", "a parameter is missing: check `from`"]],
  ["3", ["permanent", "a parameter is not valid, such as the number"]],
  ["4", ofCredentials],
  ["5", ["temporary", "Vonage has an internal error"]],
  ["6", ["permanent", "no route leads to the number"]],
  ["7", ["permanent", "the number is barred"]],
  ["8", ["misconfigured", "the account is barred"]],
  ["9", ["misconfigured", "the account has no credit"]],
  ["10", ["temporary", "too many connections at once"]],
  ["11", ["misconfigured", "the account has no access to the SMS API"]],
  ["12", ["permanent", "the text is too long"]],
  ["14", ["misconfigured", "Vonage expects signed requests: allow unsigned ones in its API settings"]],
  ["15", ["sender_refused", "the sender can't be used: check `from`"]],
  ["22", ["permanent", "the number is of an unknown network"]],
  ["23", ["misconfigured", "Vonage refuses the address of reports: check LATCHKEY_ISSUER"]],
  ["29", ["permanent", "a demo account sends to its own test numbers only"]],
  ["32", ofCredentials],
  ["33", ["permanent", "the number is not in use"]],
]);

/** The result of a part that has this status, which is not `0`. Statuses that are not listed refuse the message. */
export function resultOfVonageStatus(status: string): DeliveryFailure {
  const meaning = meanings.get(status);
  if (meaning === undefined) return { kind: "permanent", detail: `Vonage status ${status}` };
  return resultOfMeaning(meaning[0], `Vonage status ${status}: ${meaning[1]}`);
}

/** The error codes of receipts. https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts */
const causes: ReadonlyMap<string, string> = new Map([
  ["1", "no cause is known"],
  ["2", "the phone is off or out of reach now"],
  ["3", "the number is not in use"],
  ["4", "the recipient bars messages"],
  ["5", "the number was ported and can't be found"],
  ["6", "the operator filtered the message as spam"],
  ["7", "the phone is busy"],
  ["8", "the network failed"],
  ["9", "the operator refuses the number"],
  ["10", "the operator refuses the message"],
  ["11", "no route leads to the number"],
  ["12", "the phone can't be reached"],
  ["13", "the recipient's age bars the message"],
  ["14", "the operator bars messages to the number"],
  ["15", "the recipient's prepaid account is empty"],
  ["16", "the account's quota is used up"],
  ["50", "the sender's company is not registered with the operator"],
  ["51", "the sender is not registered with the operator"],
  ["52", "the text is not registered with the operator"],
  ["53", "the recipient has not agreed to messages of the sender"],
  ["54", "a rule of the country bars the message"],
  ["99", "the operator gave no cause"],
]);

/** Returns the text of a receipt's error code, such as `Vonage error 7: the phone is busy`. */
export function vonageCause(code: string): string {
  const text = causes.get(code);
  return text === undefined ? `Vonage error ${code}` : `Vonage error ${code}: ${text}`;
}
