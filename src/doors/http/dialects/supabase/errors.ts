import type { FastifyRequest } from "fastify";
import { pathOf } from "../../../web/types.js";
import type { DialectAnswer } from "../dialect.js";
import type { Failure } from "../failure.js";

interface Problem {
  readonly status: number;
  /** Where Supabase documents none, it is Latchkey's reason in lower case. */
  readonly code: string;
  readonly message?: string;
}

/** The first version of Supabase's API whose errors have a text as `code`. Clients read it only if the answer names the version. */
const textVersion = "2024-01-01";
const versionHeader = "x-supabase-api-version";

/** The codes of refused paths and grants, as Supabase has them if they are switched off. */
const notOffered: Readonly<Record<string, string>> = {
  "/auth/v1/signup": "signup_disabled",
  "/auth/v1/token": "provider_disabled",
  "/auth/v1/authorize": "provider_disabled",
  "/auth/v1/callback": "provider_disabled",
};

function problemOf(failure: Failure, request: FastifyRequest): Problem {
  const { reason, status } = failure;
  const path = pathOf(request.raw);
  switch (reason) {
    case "CODE_INVALID":
      return { status: 403, code: "otp_expired", message: "Token has expired or is invalid" };
    case "REFRESH_TOKEN_REUSED":
      return { status: 400, code: "refresh_token_already_used", message: "Invalid Refresh Token: Already Used" };
    case "SESSION_ENDED":
    case "SESSION_LOST":
      return noRefreshToken;
    case "TOKEN_INVALID":
      // The session has ended since its refresh.
      if (path === "/auth/v1/token") return noRefreshToken;
      return request.headers.authorization === undefined
        ? { status: 401, code: "no_authorization", message: "This endpoint requires a valid Bearer token" }
        : {
            status: 403,
            code: "bad_jwt",
            message: "invalid JWT: unable to parse or verify signature, or its session has ended",
          };
    case "USER_REQUIRED":
      return { status: 403, code: "bad_jwt", message: "invalid claim: missing sub claim" };
    case "REQUEST_INVALID":
      // A text that can't be a code or a token is a wrong one.
      if (failure.field === "code") return { status: 403, code: "otp_expired", message: "Token has expired or is invalid" };
      return failure.field === "refresh_token" ? noRefreshToken : { status, code: "validation_failed" };
    case "MALFORMED":
      return { status, code: "bad_json" };
    case "NOT_OFFERED":
      return { status, code: notOffered[path] ?? "validation_failed" };
    case "CHANNEL_UNAVAILABLE":
      return isByMail(request)
        ? { status, code: "email_provider_disabled", message: "Email logins are disabled" }
        : { status, code: "phone_provider_disabled", message: "Unsupported phone provider" };
    case "COUNTRY_NOT_ALLOWED":
      return { status: 422, code: "sms_send_failed" };
    case "PURPOSE_NOT_ALLOWED":
      return { status: 422, code: "otp_disabled" };
    case "USER_NOT_FOUND":
      return { status: 422, code: "otp_disabled", message: "Signups not allowed for otp" };
    case "REGISTRATION_REFUSED":
      return { status: 422, code: "signup_disabled" };
    case "USER_LOCKED":
    case "ACCOUNT_LOCKED":
      return { status: 403, code: "user_banned" };
    case "TOO_MANY_REQUESTS":
      return tooMany(failure, request);
    case "CLIENT_UNKNOWN":
    case "CLIENT_INVALID":
      return { status: 401, code: reason.toLowerCase() };
    case "DEADLINE_EXCEEDED":
      return { status, code: "request_timeout" };
    case "INTERNAL":
      return { status, code: "unexpected_failure" };
    default:
      return { status, code: reason.toLowerCase() };
  }
}

const noRefreshToken = {
  status: 400,
  code: "refresh_token_not_found",
  message: "Invalid Refresh Token: Refresh Token Not Found",
};

function tooMany({ status, retryAfter }: Failure, request: FastifyRequest): Problem {
  const seconds = retryAfter === null ? "" : ` after ${retryAfter} seconds`;
  const message = `For security purposes, you can only request this${seconds}.`;
  if (!/^\/auth\/v1\/(otp|resend)\b/.test(request.url)) return { status, code: "over_request_rate_limit", message };
  return { status, code: isByMail(request) ? "over_email_send_rate_limit" : "over_sms_send_rate_limit", message };
}

function isByMail({ body }: FastifyRequest): boolean {
  return typeof body === "object" && body !== null && Boolean((body as { readonly email?: unknown }).email);
}

/** Supabase's error bodies: the older one, and the one of callers that name a version of its API. */
export function toSupabaseAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const { status, code, message = failure.message } = problemOf(failure, request);
  const { [versionHeader]: version } = request.headers;
  const headers = { "x-sb-error-code": code };
  if (typeof version !== "string" || !/^\d{4}-\d\d-\d\d$/.test(version) || version < textVersion) {
    return { status, headers, body: { code: status, error_code: code, msg: message } };
  }
  return { status, headers: { ...headers, [versionHeader]: textVersion }, body: { code, message } };
}
