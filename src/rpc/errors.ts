import { Code, ConnectError } from "@connectrpc/connect";
import type { AuthError, Reason } from "../auth/errors.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import { ErrorReason } from "../gen/latchkey/v1/error_reason_pb.js";
import type { FieldViolation } from "../model/violation.js";

/** The wire code of every reason. A new reason without one does not compile. */
export const wireErrors = {
  CODE_INVALID: [Code.Unauthenticated, ErrorReason.CODE_INVALID],
  TOKEN_INVALID: [Code.Unauthenticated, ErrorReason.TOKEN_INVALID],
  REFRESH_TOKEN_REUSED: [Code.Unauthenticated, ErrorReason.REFRESH_TOKEN_REUSED],
  SESSION_LOST: [Code.Unauthenticated, ErrorReason.SESSION_LOST],
  SESSION_ENDED: [Code.Unauthenticated, ErrorReason.SESSION_ENDED],
  CLIENT_UNKNOWN: [Code.Unauthenticated, ErrorReason.CLIENT_UNKNOWN],
  TOO_MANY_REQUESTS: [Code.ResourceExhausted, ErrorReason.TOO_MANY_REQUESTS],
  OVERLOADED: [Code.ResourceExhausted, ErrorReason.OVERLOADED],
  SCOPE_MISSING: [Code.PermissionDenied, ErrorReason.SCOPE_MISSING],
  USER_REQUIRED: [Code.PermissionDenied, ErrorReason.USER_REQUIRED],
  PURPOSE_NOT_ALLOWED: [Code.PermissionDenied, ErrorReason.PURPOSE_NOT_ALLOWED],
  ORIGIN_NOT_ALLOWED: [Code.PermissionDenied, ErrorReason.ORIGIN_NOT_ALLOWED],
  RECENT_SIGN_IN_REQUIRED: [Code.FailedPrecondition, ErrorReason.RECENT_SIGN_IN_REQUIRED],
  CHANNEL_UNAVAILABLE: [Code.FailedPrecondition, ErrorReason.CHANNEL_UNAVAILABLE],
  COUNTRY_NOT_ALLOWED: [Code.FailedPrecondition, ErrorReason.COUNTRY_NOT_ALLOWED],
  SESSION_NOT_FOUND: [Code.NotFound, ErrorReason.SESSION_NOT_FOUND],
  TOKEN_NOT_REVOCABLE: [Code.FailedPrecondition, ErrorReason.TOKEN_NOT_REVOCABLE],
  REQUEST_INVALID: [Code.InvalidArgument, ErrorReason.REQUEST_INVALID],
  UNAVAILABLE: [Code.Unavailable, ErrorReason.UNAVAILABLE],
  DEADLINE_EXCEEDED: [Code.DeadlineExceeded, ErrorReason.DEADLINE_EXCEEDED],
  CANCELED: [Code.Canceled, ErrorReason.CANCELED],
  INTERNAL: [Code.Internal, ErrorReason.INTERNAL],
  CLIENT_INVALID: [Code.Unauthenticated, ErrorReason.CLIENT_INVALID],
  ACCOUNT_LOCKED: [Code.FailedPrecondition, ErrorReason.ACCOUNT_LOCKED],
  APP_NOT_FOUND: [Code.NotFound, ErrorReason.APP_NOT_FOUND],
  CLIENT_NOT_FOUND: [Code.NotFound, ErrorReason.CLIENT_NOT_FOUND],
  ALREADY_EXISTS: [Code.AlreadyExists, ErrorReason.ALREADY_EXISTS],
  TOO_MANY_SECRETS: [Code.FailedPrecondition, ErrorReason.TOO_MANY_SECRETS],
  DEFAULT_APP: [Code.FailedPrecondition, ErrorReason.DEFAULT_APP],
  CHALLENGE_NOT_FOUND: [Code.NotFound, ErrorReason.CHALLENGE_NOT_FOUND],
  CHALLENGE_ENDED: [Code.FailedPrecondition, ErrorReason.CHALLENGE_ENDED],
  USER_NOT_FOUND: [Code.NotFound, ErrorReason.USER_NOT_FOUND],
  USER_LOCKED: [Code.FailedPrecondition, ErrorReason.USER_LOCKED],
  CONTACT_TAKEN: [Code.AlreadyExists, ErrorReason.CONTACT_TAKEN],
  LAST_CONTACT: [Code.FailedPrecondition, ErrorReason.LAST_CONTACT],
  TOO_MANY_CONTACTS: [Code.FailedPrecondition, ErrorReason.TOO_MANY_CONTACTS],
  REGISTRATION_REFUSED: [Code.PermissionDenied, ErrorReason.REGISTRATION_REFUSED],
  MESSAGE_NOT_FOUND: [Code.NotFound, ErrorReason.MESSAGE_NOT_FOUND],
  PROVIDER_NOT_FOUND: [Code.NotFound, ErrorReason.PROVIDER_NOT_FOUND],
} satisfies Record<Reason, readonly [Code, ErrorReason]>;

/**
 * What happened and what to do, the same for every cause of a reason. `wait` reads like "in 27 seconds". The messages have none of
 * the characters that are reserved in URLs, such as commas and colons: Connect encodes these, and grpc-js does not decode them.
 */
const messages: Record<Reason, string | ((wait: string) => string)> = {
  CODE_INVALID: "This code does not work. Check it or ask for a new one.",
  TOKEN_INVALID: "The access token is missing or no longer valid. Refresh it or sign in again.",
  REFRESH_TOKEN_REUSED: "This refresh token was used before. Its session was ended for safety. Sign in again.",
  SESSION_LOST: "The server no longer knows this session. Sign in again.",
  SESSION_ENDED: "This session has ended. Sign in again.",
  CLIENT_UNKNOWN:
    "The call names no active client or two different ones. Send the id of a public client in the header x-latchkey-client. A backend authenticates instead.",
  TOO_MANY_REQUESTS: (wait) => `Too many requests. Try again ${wait}.`,
  OVERLOADED: (wait) => `The server is busy. Try again ${wait}.`,
  SCOPE_MISSING: "The client lacks the scope for this call. Ask the operator for it.",
  USER_REQUIRED: "This method acts for a signed-in user. Send the access token of a user.",
  PURPOSE_NOT_ALLOWED: "This client may not ask for codes of this purpose. Choose another purpose.",
  ORIGIN_NOT_ALLOWED:
    "The app does not allow calls from this web origin. Ask the operator to add it to the client or its app. A call with the session cookie must have an Origin header.",
  RECENT_SIGN_IN_REQUIRED: "This call needs a recent sign-in. Sign in again and repeat the call.",
  CHANNEL_UNAVAILABLE: "Codes can't be sent to this contact over this channel. Choose another channel or contact.",
  COUNTRY_NOT_ALLOWED:
    "Codes can't be sent to phone numbers of this country. Choose another contact or ask the operator to open the country.",
  SESSION_NOT_FOUND: "There is no such session. It may have ended already.",
  TOKEN_NOT_REVOCABLE: "Access tokens of clients can't be revoked. They expire within 15 minutes.",
  REQUEST_INVALID: "The request is not valid. Correct the fields that the details name.",
  UNAVAILABLE: (wait) => `The server can't answer right now. Try again ${wait}.`,
  DEADLINE_EXCEEDED: "The call took too long. Try again with the same idempotency key.",
  CANCELED: "The call was cancelled.",
  CLIENT_INVALID: "The call needs a confidential client with the right credentials. Check the client id and the secret or key.",
  ACCOUNT_LOCKED: (wait) => `The account is locked after too many wrong codes. Try again ${wait}.`,
  APP_NOT_FOUND: "There is no app with this id.",
  CLIENT_NOT_FOUND: "There is no such client or secret.",
  ALREADY_EXISTS: "This id or value or user exists already. The details say which.",
  TOO_MANY_SECRETS: "The client has two live secrets already. Revoke one first.",
  DEFAULT_APP: "This change is not possible for the default app.",
  CHALLENGE_NOT_FOUND: "There is no such challenge.",
  MESSAGE_NOT_FOUND: "There is no such message.",
  PROVIDER_NOT_FOUND: "The app has no carrier of this name.",
  CHALLENGE_ENDED: "This challenge has ended. Start a new one.",
  USER_NOT_FOUND: "The app has no such user. Check the id or identifier.",
  USER_LOCKED: "An administrator has locked this user. Ask an administrator to unlock it.",
  CONTACT_TAKEN: "Another user has this contact. Choose another one.",
  LAST_CONTACT: "This is the last contact of the user or the last verified one. Add another one first.",
  TOO_MANY_CONTACTS: "The user has 5 contacts of this kind already. Remove one first.",
  REGISTRATION_REFUSED: "The app refused this registration.",
  INTERNAL: "The server failed unexpectedly. Try again later. If it keeps failing tell the operator.",
};

export interface WireDetail {
  readonly retryAfterMs?: number | undefined;
  readonly violations?: readonly FieldViolation[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Replaces the code of the reason. */
  readonly code?: Code;
  /** Replaces the message of the reason. */
  readonly message?: string;
}

const retryAfterMsDefault = 1000;

/** The error as every door sends it: code, message, `google.rpc` details and, if a retry can help, a `retry-after` header. */
export function wireError(reason: Reason, detail: WireDetail = {}): ConnectError {
  const [ownCode, errorReason] = wireErrors[reason];
  const mayRetry = ownCode === Code.Unavailable || ownCode === Code.ResourceExhausted;
  const retryAfterMs = detail.retryAfterMs ?? (mayRetry ? retryAfterMsDefault : undefined);
  const error = new ConnectError(detail.message ?? messageOf(reason, detail, retryAfterMs), detail.code ?? ownCode);
  const info = { reason: ErrorReason[errorReason], domain: "latchkey", metadata: { ...detail.metadata } };
  error.details.push({ desc: ErrorInfoSchema, value: info });
  if (retryAfterMs !== undefined) {
    const waitMs = Math.max(0, Math.ceil(retryAfterMs));
    const retryDelay = { seconds: BigInt(Math.floor(waitMs / 1000)), nanos: (waitMs % 1000) * 1_000_000 };
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
    error.metadata.set("retry-after", String(wholeSeconds(retryAfterMs)));
  }
  if (detail.violations !== undefined && detail.violations.length > 0) {
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: detail.violations.map((v) => ({ ...v })) } });
  }
  return error;
}

function messageOf(reason: Reason, { metadata }: WireDetail, retryAfterMs: number | undefined): string {
  const message = messages[reason];
  if (typeof message === "function") return message(waitText(retryAfterMs ?? retryAfterMsDefault));
  const correlationId = metadata?.correlation_id;
  return reason !== "INTERNAL" || correlationId === undefined ? message : `${message.slice(0, -1)} this id ${correlationId}.`;
}

/** Rounded up, and at least 1, so that a caller that waits this long is not too early. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000));
}

const secondsMax = 120;
const minutesMax = 180;

/** "in 27 seconds", "in 14 minutes", "in 5 hours": rounded up, with the larger unit from 2 minutes and from 3 hours on. */
function waitText(ms: number): string {
  const seconds = wholeSeconds(ms);
  if (seconds < secondsMax) return `in ${counted(seconds, "second")}`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < minutesMax ? `in ${counted(minutes, "minute")}` : `in ${counted(Math.ceil(minutes / 60), "hour")}`;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** The refusal of a message that is larger than its method reads. */
export function requestTooLarge(): ConnectError {
  const message = "The request is larger than this method accepts. Send less.";
  return wireError("REQUEST_INVALID", { code: Code.ResourceExhausted, message });
}

/** Returns the error of a reason without further details. It is built once, because refusing must be cheaper than answering. */
export function createPlainErrors(): (reason: Reason) => ConnectError {
  const built = new Map<Reason, ConnectError>();
  return (reason) => {
    let error = built.get(reason);
    if (error === undefined) {
      error = wireError(reason);
      built.set(reason, error);
    }
    return error;
  };
}

/** Whether the refusal has no details besides its reason. */
export function isPlain(error: AuthError): boolean {
  return error.retryAfterMs === undefined && error.violations.length === 0 && Object.keys(error.metadata).length === 0;
}
