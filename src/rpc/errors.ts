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
  PURPOSE_NOT_ALLOWED: [Code.PermissionDenied, ErrorReason.PURPOSE_NOT_ALLOWED],
  ORIGIN_NOT_ALLOWED: [Code.PermissionDenied, ErrorReason.ORIGIN_NOT_ALLOWED],
  RECENT_SIGN_IN_REQUIRED: [Code.FailedPrecondition, ErrorReason.RECENT_SIGN_IN_REQUIRED],
  CHANNEL_UNAVAILABLE: [Code.FailedPrecondition, ErrorReason.CHANNEL_UNAVAILABLE],
  SESSION_NOT_FOUND: [Code.NotFound, ErrorReason.SESSION_NOT_FOUND],
  REQUEST_INVALID: [Code.InvalidArgument, ErrorReason.REQUEST_INVALID],
  UNAVAILABLE: [Code.Unavailable, ErrorReason.UNAVAILABLE],
  DEADLINE_EXCEEDED: [Code.DeadlineExceeded, ErrorReason.DEADLINE_EXCEEDED],
  CANCELED: [Code.Canceled, ErrorReason.CANCELED],
  INTERNAL: [Code.Internal, ErrorReason.INTERNAL],
} satisfies Record<Reason, readonly [Code, ErrorReason]>;

/**
 * What happened and what to do, the same for every cause of a reason. The messages have none of the characters that are reserved in
 * URLs: Connect encodes these, and grpc-js does not decode them.
 */
const messages: Record<Reason, string> = {
  CODE_INVALID: "This code does not work. Check it or ask for a new one.",
  TOKEN_INVALID: "The access token is missing or no longer good. Refresh it or sign in.",
  REFRESH_TOKEN_REUSED: "This refresh token was used before and its session was ended for safety. Sign in again.",
  SESSION_LOST: "The server no longer knows this session. Sign in again.",
  SESSION_ENDED: "This session has ended. Sign in again.",
  CLIENT_UNKNOWN: "Name a known client in the header x-latchkey-client.",
  TOO_MANY_REQUESTS: "Too many requests. Try again after the time in the details.",
  OVERLOADED: "The server is busy. Try again after the time in the details.",
  SCOPE_MISSING: "The client lacks the scope for this call. Ask its operator for it.",
  PURPOSE_NOT_ALLOWED: "This caller can't ask for codes of this purpose.",
  ORIGIN_NOT_ALLOWED: "The app does not allow calls from the origin of this page. Add it to the allowed origins.",
  RECENT_SIGN_IN_REQUIRED: "This needs a recent sign-in. Sign in again and repeat the call.",
  CHANNEL_UNAVAILABLE: "Codes can't be sent this way here. Choose another channel.",
  SESSION_NOT_FOUND: "There is no such session.",
  REQUEST_INVALID: "The request is not valid. Correct the fields named in the details.",
  UNAVAILABLE: "The server can't answer at the moment. Try again after the time in the details.",
  DEADLINE_EXCEEDED: "The call took longer than it may. Try again.",
  CANCELED: "The call was cancelled.",
  INTERNAL: "internal error",
};

export interface WireDetail {
  readonly retryAfterMs?: number | undefined;
  readonly violations?: readonly FieldViolation[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Another code than the reason's own. */
  readonly code?: Code;
  readonly message?: string;
}

const retryAfterMsDefault = 1000;

/** The error as every door sends it: code, sentence, `google.rpc` details and, if a retry can help, a `retry-after` header. */
export function wireError(reason: Reason, detail: WireDetail = {}): ConnectError {
  const [ownCode, errorReason] = wireErrors[reason];
  const mayRetry = ownCode === Code.Unavailable || ownCode === Code.ResourceExhausted;
  const retryAfterMs = detail.retryAfterMs ?? (mayRetry ? retryAfterMsDefault : undefined);
  const error = new ConnectError(detail.message ?? messages[reason], detail.code ?? ownCode);
  const info = { reason: ErrorReason[errorReason], domain: "latchkey", metadata: { ...detail.metadata } };
  error.details.push({ desc: ErrorInfoSchema, value: info });
  if (retryAfterMs !== undefined) {
    const waitMs = Math.max(0, Math.ceil(retryAfterMs));
    const retryDelay = { seconds: BigInt(Math.floor(waitMs / 1000)), nanos: (waitMs % 1000) * 1_000_000 };
    error.details.push({ desc: RetryInfoSchema, value: { retryDelay } });
    error.metadata.set("retry-after", String(Math.max(1, Math.ceil(waitMs / 1000))));
  }
  if (detail.violations !== undefined && detail.violations.length > 0) {
    error.details.push({ desc: BadRequestSchema, value: { fieldViolations: detail.violations.map((v) => ({ ...v })) } });
  }
  return error;
}

/** The refusal of a message that is larger than its method reads. */
export function requestTooLarge(): ConnectError {
  const message = "The request is larger than this server reads. Send less.";
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

/** Whether the reason is all that the caller gets of this refusal. */
export function isPlain(error: AuthError): boolean {
  return error.retryAfterMs === undefined && error.violations.length === 0 && Object.keys(error.metadata).length === 0;
}
