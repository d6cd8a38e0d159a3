import type { FastifyRequest } from "fastify";
import { pathOf } from "../../../web/types.js";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, scopeAdvice } from "../failure.js";

interface Problem {
  readonly status: number;
  readonly code: number;
  readonly message?: string;
}

/** Parameters of Twilio by the fields of the API. */
const parameters: ReadonlyMap<string, string> = new Map([
  ["phone", "To"],
  ["email", "To"],
  ["code", "Code"],
  ["locale", "Locale"],
  ["custom_code", "CustomCode"],
  ["custom_message", "CustomMessage"],
]);

function isCheck(request: FastifyRequest): boolean {
  return pathOf(request.raw).endsWith("/VerificationCheck");
}

function notFoundProblem(request: FastifyRequest): Problem {
  const path = pathOf(request.raw);
  return { status: 404, code: 20404, message: `The requested resource ${path} was not found` };
}

/** What VerifyOtp says of a code that can't be right. */
function codeProblem(cause: string | undefined, request: FastifyRequest): Problem {
  if (cause === "ATTEMPTS_EXHAUSTED" || cause === "TOO_MANY_GUESSES") return maxChecks;
  return notFoundProblem(request);
}

const maxChecks: Problem = { status: 429, code: 60202, message: "Max check attempts reached" };

function problemOf(failure: Failure, request: FastifyRequest): Problem {
  const { reason, status, metadata } = failure;
  switch (reason) {
    case "CODE_INVALID":
      return codeProblem(metadata.cause, request);
    case "APP_NOT_FOUND":
    case "CHALLENGE_NOT_FOUND":
    case "CHALLENGE_ENDED":
    case "NO_PATH":
      return notFoundProblem(request);
    case "MALFORMED":
    case "NOT_OFFERED":
    case "REQUEST_INVALID":
      return { status, code: 60200, message: invalidMessage(failure) };
    case "CHANNEL_UNAVAILABLE":
      return { status: 403, code: 60223 };
    case "COUNTRY_NOT_ALLOWED":
      return { status: 403, code: 60605 };
    case "ACCOUNT_LOCKED":
      return { status: 429, code: 60202 };
    case "TOO_MANY_REQUESTS":
      return { status: 429, code: isCheck(request) ? 60202 : 60203 };
    case "CLIENT_UNKNOWN":
    case "CLIENT_INVALID":
    case "TOKEN_INVALID":
    case "USER_REQUIRED":
    case "NO_CREDENTIALS":
      return { status: 401, code: 20003, message: "Authenticate" };
    case "SCOPE_MISSING":
      return {
        status: 403,
        code: 20403,
        message: scopeAdvice(failure),
      };
    default:
      return { status, code: 20000 + status };
  }
}

function invalidMessage({ message, field }: Failure): string {
  const parameter = field === null ? undefined : parameters.get(field);
  return parameter === undefined ? message : `Invalid parameter \`${parameter}\`${message.slice(field!.length)}`;
}

/** Twilio's error body. Its clients read all four fields. */
export function toTwilioAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const { status, code, message = failure.message } = problemOf(failure, request);
  const challenge = status === 401 && { headers: { "www-authenticate": 'Basic realm="Twilio API"' } };
  return {
    status,
    body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status },
    ...challenge,
  };
}
