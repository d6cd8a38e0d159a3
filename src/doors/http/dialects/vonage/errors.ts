import { randomBytes } from "node:crypto";
import type { FastifyRequest } from "fastify";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, scopeAdvice } from "../failure.js";

interface Problem {
  readonly status: number;
  /** The last part of `type`. */
  readonly kind: string;
  readonly title: string;
  /** Left out: what Latchkey says. */
  readonly detail?: string;
}

const notFound: Problem = {
  status: 404,
  kind: "not-found",
  title: "Not Found",
  detail: "The request was not found or it has been verified already.",
};
const terminated: Problem = {
  status: 410,
  kind: "expired",
  title: "Invalid Code",
  detail: "An incorrect code has been provided too many times. Workflow terminated.",
};
const wrongCode: Problem = {
  status: 400,
  kind: "invalid-code",
  title: "Invalid Code",
  detail: "The code you provided does not match the expected value.",
};

/** The guess that spends the last attempt ends the workflow. */
function codeProblem({ cause, attempts_left: left }: Failure["metadata"]): Problem {
  if (cause === "ATTEMPTS_EXHAUSTED" || cause === "TOO_MANY_GUESSES" || (cause === "MISMATCH" && left === "0"))
    return terminated;
  return cause === "MISMATCH" ? wrongCode : notFound;
}

function problemOf(failure: Failure): Problem {
  const { reason, status, metadata } = failure;
  switch (reason) {
    case "CODE_INVALID":
      return codeProblem(metadata);
    case "CHALLENGE_NOT_FOUND":
    case "CHALLENGE_ENDED":
    case "NO_PATH":
      return notFound;
    case "ACCOUNT_LOCKED":
      return terminated;
    case "CLIENT_UNKNOWN":
    case "CLIENT_INVALID":
    case "TOKEN_INVALID":
    case "USER_REQUIRED":
    case "NO_CREDENTIALS":
      return { status: 401, kind: "unauthorized", title: "Unauthorized", detail: "You did not provide correct credentials." };
    case "MALFORMED":
    case "NOT_OFFERED":
    case "REQUEST_INVALID":
    case "CHANNEL_UNAVAILABLE":
    case "COUNTRY_NOT_ALLOWED":
      return { status: status === 400 ? 422 : status, kind: "invalid-params", title: "Invalid params" };
    case "SCOPE_MISSING":
      return {
        status: 403,
        kind: "forbidden",
        title: "Forbidden",
        detail: scopeAdvice(failure),
      };
    case "TOO_MANY_REQUESTS":
      return { status: 429, kind: "throttled", title: "Rate Limit Hit" };
    default:
      return {
        status,
        kind: status < 500 ? "forbidden" : "internal-error",
        title: status < 500 ? "Forbidden" : "Internal Error",
      };
  }
}

/** Vonage's error body (RFC 7807). */
export function toVonageAnswer(failure: Failure, _request: FastifyRequest): DialectAnswer {
  const { status, kind, title, detail = failure.message } = problemOf(failure);
  const type = `https://developer.vonage.com/api-errors/verify-v2#${kind}`;
  return {
    status,
    headers: { "content-type": "application/problem+json" },
    body: { type, title, detail, instance: randomBytes(16).toString("hex") },
  };
}
