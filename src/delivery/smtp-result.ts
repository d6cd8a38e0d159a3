import type { DeliveryResult } from "./channel.js";

/** The parts of a nodemailer error that may be read. Its message and response may hold the address, and are not used. */
interface SmtpFailure {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly command?: unknown;
  readonly response?: unknown;
  readonly responseCode?: unknown;
}

// Bad sequence and the replies that ask for a login: they speak of the session, not of recipient or message.
const sessionReplies = new Set([503, 530, 534, 535, 538]);

/**
 * What a failed try means. Permanent is only a refusal of this recipient or this message: everything else (server gone, TLS, login,
 * sender refused) is the operator's to mend, and a code that arrives when they have done so is better than none.
 */
export function resultOfFailure(error: unknown): DeliveryResult {
  const failure = (typeof error === "object" && error !== null ? error : {}) as SmtpFailure;
  const reply = Number(failure.responseCode) || 0;
  const status = replyStatus(failure) ?? word(failure.originalCode) ?? word(failure.code) ?? "unknown";
  if (failure.code === "EAUTH") return temporary(`check the settings: the mail server refused the login (${status})`);
  if (isTlsFailure(failure)) return temporary(`check the settings: no trusted TLS with the mail server (${status})`);
  if (failure.command === "MAIL FROM" && reply >= 500) return temporary(`check the settings: sender refused (${status})`);
  if (sessionReplies.has(reply)) return temporary(`check the settings: the mail server wants another session (${status})`);
  if (reply >= 500 && failure.command === "RCPT TO") return { kind: "permanent", detail: `recipient refused (${status})` };
  if (reply >= 500 && failure.command === "DATA") return { kind: "permanent", detail: `message refused (${status})` };
  if (reply >= 500) return temporary(`check the settings: the mail server refused us (${status})`);
  if (reply >= 400) return temporary(`put off by the mail server (${status})`);
  if (failure.code === "EABORT") return temporary("the mail server took too long");
  return temporary(`the mail server can't be reached (${status})`);
}

function temporary(detail: string): DeliveryResult {
  return { kind: "temporary", detail };
}

/** Reply code and enhanced status code, e.g. `550 5.1.1`: all of a server's reply that is sure not to hold the address. */
export function replyStatus(reply: { readonly response?: unknown }): string | undefined {
  return typeof reply.response === "string"
    ? /^[2-5]\d\d(?:[ -][245]\.\d{1,3}\.\d{1,3})?\b/.exec(reply.response)?.[0]
    : undefined;
}

function isTlsFailure({ code, originalCode }: SmtpFailure): boolean {
  return code === "ETLS" || /CERT|TLS|SSL|VERIFY|EPROTO/.test(String(originalCode ?? ""));
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(value) ? value : undefined;
}
