import { addressRefused } from "../../outbound/checked-lookup.js";
import { resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";
import { isTlsError } from "../tls-error.js";

/**
 * The fields of a nodemailer error that are safe to read. Its message and response may contain the address and are not used.
 */
interface SmtpFailure {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
}

// Bad sequence, and replies that require a login. They concern the session, not the recipient or the message.
const sessionReplies = new Set([503, 530, 534, 535, 538]);

/**
 * Classifies a failed try. `permanent` is only a refusal of this recipient or message. `temporary` is a request to send it
 * again later. `unknown`: sending the body has begun, and the server gave no answer that can be understood. Everything else
 * (server down, TLS, login, sender refused) must be fixed by the operator, and the code waits for that. `url` is what the operator
 * knows the settings by.
 */
export function resultOfFailure(error: unknown, hasBegun: boolean, url = "LATCHKEY_SMTP_URL"): DeliveryFailure {
  const failure = (typeof error === "object" && error !== null ? error : {}) as SmtpFailure;
  const reply = replyCode(failure);
  const ofMessage = failure.command === "RCPT TO" || failure.command === "DATA";
  const status = replyStatus(failure) ?? word(failure.originalCode) ?? word(failure.code) ?? "unknown";
  if (reply >= 500 && ofMessage && !sessionReplies.has(reply)) {
    return { kind: "permanent", detail: `${failure.command === "DATA" ? "message" : "recipient"} refused (${status})` };
  }
  // 421 ends the connection, so it concerns the server.
  if (reply >= 400 && reply < 500 && ofMessage && reply !== 421) {
    return { kind: "temporary", detail: `deferred by the mail server (${status})` };
  }
  if (hasBegun && reply === 0)
    return { kind: "unknown", detail: `the mail server did not say whether it took the message (${status})` };
  const isMisconfigured =
    failure.code === addressRefused ||
    (reply >= 500 && (failure.code === "EAUTH" || sessionReplies.has(reply))) ||
    // A server may answer STARTTLS with 454: not now (RFC 3207 §4).
    (isTlsFailure(failure) && (reply < 400 || reply >= 500));
  return resultOfMeaning(isMisconfigured ? "misconfigured" : "unavailable", troubleOf(failure, { reply, status, url }));
}

/** Returns 0 if there is no reply, or one that is no SMTP reply. */
function replyCode({ responseCode }: SmtpFailure): number {
  const code = Number(responseCode);
  return code >= 200 && code <= 599 ? code : 0;
}

const tlsAdvice =
  "write the host as in its certificate, trust its authority with ca=FILE or, for a server on this machine, add starttls=never to";

interface Reply {
  /** 0: none. */
  readonly reply: number;
  readonly status: string;
  readonly url: string;
}

/** Describes why the mail server can't be used, and what to do. */
function troubleOf(failure: SmtpFailure, { reply, status, url }: Reply): string {
  if (failure.code === addressRefused) {
    return "the mail server's host is not at a public address: allow it in LATCHKEY_OUTBOUND_ALLOWED or correct the host";
  }
  if (failure.code === "EAUTH") {
    return `the mail server refused the login (${status}): check user and password in ${url}`;
  }
  if (isTlsFailure(failure)) {
    return `no trusted TLS connection to the mail server (${status}): ${tlsAdvice} ${url}`;
  }
  if (sessionReplies.has(reply)) return `the mail server requires a login or TLS (${status}): check ${url}`;
  if (failure.command === "MAIL FROM" && reply >= 500) {
    return `the mail server refused the sender (${status}): check \`from\` in ${url}`;
  }
  if (reply >= 500) return `the mail server refused this client (${status}): check ${url}`;
  if (reply >= 400) return `the mail server asked to try again later (${status})`;
  if (failure.code === "EABORT") return "the mail server took too long";
  return `the mail server can't be reached (${status}): check that it is running, and the host and port in ${url}`;
}

/**
 * Returns the reply code and enhanced status code, such as `550 5.1.1`. The rest of a server's reply may contain the address.
 */
export function replyStatus(reply: { readonly response?: unknown }): string | undefined {
  return typeof reply.response === "string"
    ? /^[2-5]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?\b/.exec(reply.response)?.[0]
    : undefined;
}

/**
 * Returns the id under which the server keeps the message, if its last reply has one in a form that a known server writes: Postfix and
 * Sendmail (`queued as 4F2B1D`), Exim (`id=1rA2bC-000abc-2d`), OpenSMTPD (`250 2.0.0 3c5a9b1e Message accepted for delivery`).
 */
export function queueIdOf({ response }: { readonly response?: unknown }): string | undefined {
  if (typeof response !== "string") return undefined;
  return (
    /\bqueued as ([A-Za-z0-9-]{5,64})(?![A-Za-z0-9@._-])/i.exec(response)?.[1] ??
    /\bid=([A-Za-z0-9-]{5,64})(?![A-Za-z0-9@._-])/.exec(response)?.[1] ??
    /^250 2\.0\.0 ([A-Za-z0-9]{5,64}) Message accepted for delivery/i.exec(response)?.[1]
  );
}

function isTlsFailure({ code, originalCode }: SmtpFailure): boolean {
  return code === "ETLS" || isTlsError(String(originalCode ?? ""));
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(value) ? value : undefined;
}
