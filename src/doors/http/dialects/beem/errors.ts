import type { FastifyRequest } from "fastify";
import { pathOf } from "../../../web/types.js";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, scopeAdvice } from "../failure.js";
import { type BeemCode, coded } from "./codes.js";

/** What VerifyOtp says of a code that fails. Beem answers all of it with the status 200. */
function pinCode(cause: string | undefined): BeemCode {
  switch (cause) {
    case "UNKNOWN":
    case "NOT_EXPECTED":
    case "CANCELLED":
      return 113;
    case "EXPIRED":
      return 115;
    case "ATTEMPTS_EXHAUSTED":
    case "TOO_MANY_GUESSES":
      return 116;
    case "CONSUMED":
      return 118;
    default:
      return 114;
  }
}

interface Problem {
  readonly code: BeemCode;
  readonly status: number;
  /** Left out: Beem's words. */
  readonly message?: string;
}

function problemOf(failure: Failure, path: string): Problem {
  const { reason, status, message, field, metadata } = failure;
  const isVerify = path.endsWith("/verify");
  switch (reason) {
    case "CODE_INVALID":
      return { code: pinCode(metadata.cause), status: 200 };
    case "REQUEST_INVALID":
      if (metadata.code !== undefined) return { code: Number(metadata.code) as BeemCode, status };
      if (field === "code") return { code: 114, status: 200 };
      if (field === "challenge_id") return { code: 113, status: 200 };
      return field === "phone" ? { code: 102, status } : { code: 101, status, message };
    case "MALFORMED":
      return { code: isVerify ? 112 : 101, status, message };
    case "APP_NOT_FOUND":
      return { code: 106, status };
    case "MESSAGE_NOT_FOUND":
      return { code: 113, status };
    case "PURPOSE_NOT_ALLOWED":
      return { code: 107, status };
    case "CHANNEL_UNAVAILABLE":
    case "COUNTRY_NOT_ALLOWED":
      return { code: 108, status, message };
    case "NO_CREDENTIALS":
      return { code: 110, status: 401 };
    case "CLIENT_INVALID":
    case "CLIENT_UNKNOWN":
    case "TOKEN_INVALID":
    case "USER_REQUIRED":
      return { code: 110, status: 401, message: "The username or password is wrong, or may not be used here" };
    case "SCOPE_MISSING":
      return { code: 110, status, message: scopeAdvice(failure) };
    case "TOO_MANY_REQUESTS":
      return { code: isVerify ? 116 : 101, status, message };
    default:
      return { code: 101, status, message };
  }
}

/** Beem's error body, which always has one of its codes as a number. */
export function toBeemAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const { code, status, message } = problemOf(failure, pathOf(request.raw));
  const headers: Record<string, string> = status === 401 ? { "www-authenticate": 'Basic realm="latchkey"' } : {};
  return { status, body: coded(code, message), headers };
}
