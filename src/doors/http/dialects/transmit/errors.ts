import type { FastifyRequest } from "fastify";
import { pathOf } from "../../../web/types.js";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, scopeAdvice } from "../failure.js";

interface Problem {
  readonly status: number;
  /** Null: Transmit documents none, so it is Latchkey's reason in lower case. */
  readonly code: string | null;
  readonly message?: string;
}

/** What VerifyOtp says of a code that fails, in Transmit's words. A locked user and a wrong code are the same. */
function codeProblem(cause: string | undefined): Problem {
  switch (cause) {
    case "EXPIRED":
    case "UNKNOWN":
      return {
        status: 400,
        code: "auth_otp_passcode_expired",
        message: "There is no live code for this identifier. It has expired, was used or was never requested. Send a new one.",
      };
    case "ATTEMPTS_EXHAUSTED":
      return {
        status: 403,
        code: "auth_locked",
        message: "The code no longer works after too many wrong ones. Send a new one.",
      };
    default:
      return { status: 400, code: "auth_invalid_credentials" };
  }
}

function problemOf(failure: Failure): Problem {
  const { reason, status, metadata } = failure;
  switch (reason) {
    case "CODE_INVALID":
      return codeProblem(metadata.cause);
    case "REFRESH_TOKEN_REUSED":
    case "SESSION_ENDED":
    case "SESSION_LOST":
      return { status: 400, code: "auth_invalid_credentials" };
    case "ACCOUNT_LOCKED":
      return { status: 403, code: "auth_locked" };
    case "USER_LOCKED":
      return { status: 403, code: "user_not_active" };
    case "PURPOSE_NOT_ALLOWED":
      return { status: 403, code: "auth_login_preferences_missing" };
    case "CHANNEL_UNAVAILABLE":
    case "COUNTRY_NOT_ALLOWED":
      return { status: 400, code: "external_provider_configuration_error" };
    case "MALFORMED":
    case "REQUEST_INVALID":
    case "NOT_OFFERED":
      return { status, code: "system_invalid_input" };
    case "TOKEN_INVALID":
    case "NO_CREDENTIALS":
    case "USER_REQUIRED":
      return { status: 401, code: null, message: "Invalid token" };
    case "CLIENT_UNKNOWN":
    case "CLIENT_INVALID":
      return { status: 401, code: null };
    case "SCOPE_MISSING":
      return { status: 403, code: null, message: scopeAdvice(failure) };
    default:
      return { status, code: null };
  }
}

/** Transmit's error body. Paths of codes have a text as `error_code`, all others the status, and so has each refused token. */
export function toTransmitAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const { status, code, message = failure.message } = problemOf(failure);
  const path = pathOf(request.raw);
  if (path === "/oidc/token") return { status, body: { ...toOAuth(failure, message), message, error_code: status } };
  if (status !== 401 && path.startsWith("/cis/v1/auth/") && path !== "/cis/v1/auth/logout") {
    return { status, body: { error_code: code ?? failure.reason.toLowerCase(), message } };
  }
  if (status === 400) return { status, body: { message: [message], error_code: status } };
  const taken = status === 409 && { ts_error_code: "identifier_is_taken" };
  return { status, body: { message, error_code: status, ...taken } };
}

/** RFC 6749 §5.2. Descriptions may have printable ASCII without quotation mark and backslash. */
function toOAuth({ reason, status }: Failure, message: string) {
  const isClient = reason === "CLIENT_INVALID" || reason === "CLIENT_UNKNOWN";
  const isBusy = status === 429 || status >= 500;
  const error = isClient ? "invalid_client" : isBusy ? "temporarily_unavailable" : "invalid_request";
  return { error, error_description: message.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, "'") };
}
