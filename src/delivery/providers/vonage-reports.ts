import type { DeliveryReport, ReadReports, ReportRequest } from "../provider.js";
import type { Parts } from "./parts.js";
import { vonageCause } from "./vonage-errors.js";
import { hasVonageSignature, hasVonageToken } from "./vonage-signature.js";

/** The account whose receipts are read, and the address that it is given for them. */
export interface VonageReports {
  readonly key: string;
  /** Null: every receipt is refused, because none can be verified. */
  readonly signatureSecret: string | null;
  readonly reportsUrl: string;
  /** Authentic receipts of parts are noted there. */
  readonly longTexts: Parts;
}

/** The id of a message. */
export const vonageIdPattern = /^[0-9A-Za-z-]{1,64}$/;

/**
 * Statuses of receipts. Others, such as `unknown`, change nothing.
 * https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts
 */
const statuses: Readonly<Record<string, DeliveryReport["status"]>> = {
  accepted: "sent",
  buffered: "sent",
  delivered: "delivered",
  expired: "expired",
  failed: "undelivered",
  rejected: "undelivered",
};

/**
 * Reads a delivery receipt of the SMS API: the query of a GET, a form or JSON. Refuses one that the account did not sign, by a JWT or
 * by `sig`. Never throws.
 */
export function readVonageReports(request: ReportRequest, account: VonageReports): ReadReports {
  const { key, signatureSecret: secret, reportsUrl, longTexts } = account;
  const end = request.url.indexOf("?");
  const [path, query] = end === -1 ? [request.url, ""] : [request.url.slice(0, end), request.url.slice(end + 1)];
  if (secret === null || path !== reportsUrl) return { kind: "forged" };
  const receipt = readReceipt(request, query);
  if (receipt === null || (receipt.fields["api-key"] ?? key) !== key) return { kind: "forged" };
  const { authorization } = request.headers;
  const signer = { key, secret, now: request.now };
  const isSigned =
    authorization === undefined
      ? hasVonageSignature(receipt.fields, signer)
      : hasVonageToken(authorization, receipt.payloads, signer);
  return isSigned ? readStatus(receipt.fields, longTexts) : { kind: "forged" };
}

interface Receipt {
  readonly fields: Readonly<Record<string, string>>;
  /** The texts whose hash the JWT may hold. Vonage hashes the fields as JSON, in the order in which they were sent. */
  readonly payloads: readonly (Buffer | string)[];
}

function readReceipt({ method, headers, body }: ReportRequest, query: string): Receipt | null {
  if (method === "GET") return receiptOf([...new URLSearchParams(query)], []);
  if (method !== "POST") return null;
  if (!/^application\/json\b/i.test(headers["content-type"] ?? "")) {
    return receiptOf([...new URLSearchParams(body.toString("utf8"))], [body]);
  }
  try {
    const parsed: unknown = JSON.parse(body.toString("utf8"));
    return receiptOf(Object.entries(parsed ?? {}), [body]);
  } catch {
    return null;
  }
}

/** Returns null if a value is not a text, or a name is given twice, because readers differ in which one counts. */
function receiptOf(entries: readonly (readonly [string, unknown])[], payloads: Receipt["payloads"]): Receipt | null {
  if (new Set(entries.map(([name]) => name)).size !== entries.length) return null;
  if (!entries.every(([, value]) => typeof value === "string")) return null;
  const fields = Object.fromEntries(entries) as Record<string, string>;
  return { fields, payloads: [...payloads, JSON.stringify(fields)] };
}

/** A receipt is about one part of a text. Its price is left out: it is that of the part, and the answer had the sum. */
function readStatus(fields: Readonly<Record<string, string>>, longTexts: Parts): ReadReports {
  const { messageId = "", status: said = "", "client-ref": ref = "", "err-code": code = "" } = fields;
  const [hasId, hasRef] = [vonageIdPattern.test(messageId), /^[\w-]{1,64}$/.test(ref)];
  if ((!hasId && !hasRef) || !/^[a-z_-]{1,32}$/.test(said)) return { kind: "malformed" };
  const status = Object.hasOwn(statuses, said) ? statuses[said] : undefined;
  const whole = status === undefined ? null : longTexts.receiptOf({ messageId, status });
  if (whole === null) return { kind: "reports", reports: [] };
  const cause = /^[1-9]\d{0,3}$/.test(code) ? vonageCause(code) : said;
  const report: DeliveryReport = {
    status: whole.status,
    cause: whole.status === "undelivered" || whole.status === "expired" ? cause : "",
    ...(hasId ? { providerMessageId: whole.messageId } : {}),
    ...(hasRef ? { sendKey: ref } : {}),
  };
  return { kind: "reports", reports: [report] };
}
