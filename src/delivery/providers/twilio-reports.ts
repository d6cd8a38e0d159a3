import type { DeliveryReport, ReadReports, ReportRequest } from "../provider.js";
import { twilioCause } from "./twilio-errors.js";
import { readSignedForm } from "./twilio-signature.js";

/** The id of a message or call. */
export const twilioIdPattern = /^(SM|MM|CA)[0-9a-fA-F]{32}$/;

/**
 * Statuses of messages and calls. Others, such as `queued`, are before the first report that counts.
 * https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
 */
const statuses: Readonly<Record<string, DeliveryReport["status"]>> = {
  sent: "sent",
  delivered: "delivered",
  read: "delivered",
  undelivered: "undelivered",
  failed: "failed",
  canceled: "failed",
  completed: "delivered",
  busy: "undelivered",
  "no-answer": "undelivered",
};

/** ValidityPeriod has elapsed. https://www.twilio.com/docs/api/errors/30036 */
const expiredCode = "30036";

/** The account whose reports are read, and the address that it is given for them. */
export interface TwilioReports {
  readonly account: string;
  readonly token: string;
  readonly reportsUrl: string;
}

/** Reads a status callback of a message or call. Refuses one that its account did not sign for this address. Never throws. */
export function readTwilioReports(request: ReportRequest, { account, token, reportsUrl }: TwilioReports): ReadReports {
  const [path = "", query = ""] = request.url.split("?", 2);
  const form = path === reportsUrl && request.method === "POST" ? readSignedForm(request, token) : null;
  if (form === null || form.get("AccountSid") !== account) return { kind: "forged" };
  const sid = form.get("MessageSid") ?? form.get("CallSid") ?? "";
  const said = form.get("MessageStatus") ?? form.get("CallStatus") ?? "";
  if (!twilioIdPattern.test(sid) || !/^[a-z_-]{1,32}$/.test(said)) return { kind: "malformed" };
  const ref = new URLSearchParams(query).get("ref") ?? "";
  const status = Object.hasOwn(statuses, said) ? statuses[said] : undefined;
  if (status === undefined) return { kind: "reports", reports: [] };
  const code = form.get("ErrorCode") ?? "";
  const isFailed = status === "undelivered" || status === "failed";
  const cause = /^[1-9]\d{0,5}$/.test(code) ? twilioCause(Number(code)) : said;
  const report: DeliveryReport = {
    providerMessageId: sid,
    status: isFailed && code === expiredCode ? "expired" : status,
    cause: isFailed ? cause : "",
    ...(/^[\w-]{1,64}$/.test(ref) ? { sendKey: ref } : {}),
  };
  return { kind: "reports", reports: [report] };
}
