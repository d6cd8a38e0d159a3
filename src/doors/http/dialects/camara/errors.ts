import type { FastifyRequest } from "fastify";
import { pathOf } from "../../../web/types.js";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, withVendorNames } from "../failure.js";

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly message?: string;
}

const own = (name: string) => `ONE_TIME_PASSWORD_SMS.${name}`;

/** The names that CAMARA has for fields of the API. */
const fieldNames: Readonly<Record<string, string>> = { phone: "phoneNumber", custom_message: "message" };

const failed: Problem = {
  status: 400,
  code: own("VERIFICATION_FAILED"),
  message: "The maximum number of attempts for this authenticationId was exceeded without providing a valid OTP.",
};

/** The last wrong code that is allowed is answered like those after it. */
function codeProblem({ cause, attempts_left: left }: Failure["metadata"]): Problem {
  switch (cause) {
    case "UNKNOWN":
      return { status: 404, code: "NOT_FOUND", message: "There is no such authenticationId." };
    case "EXPIRED":
    case "CONSUMED":
    case "CANCELLED":
    case "SUPERSEDED":
      return { status: 400, code: own("VERIFICATION_EXPIRED"), message: "The authenticationId is no longer valid." };
    case "ATTEMPTS_EXHAUSTED":
    case "TOO_MANY_GUESSES":
    case "CONTACT_DISABLED":
      return failed;
    default:
      if (left === "0") return failed;
      return {
        status: 400,
        code: own("INVALID_OTP"),
        message: "The provided OTP is not valid for this authenticationId.",
      };
  }
}

function problemOf({ reason, metadata }: Failure, isSend: boolean): Problem {
  switch (reason) {
    case "CODE_INVALID":
      return codeProblem(metadata);
    case "MALFORMED":
    case "REQUEST_INVALID":
      return { status: 400, code: "INVALID_ARGUMENT" };
    case "NO_CREDENTIALS":
    case "TOKEN_INVALID":
    case "CLIENT_INVALID":
      return { status: 401, code: "UNAUTHENTICATED" };
    case "CHANNEL_UNAVAILABLE":
    case "COUNTRY_NOT_ALLOWED":
      return { status: 403, code: own("PHONE_NUMBER_NOT_ALLOWED") };
    case "ACCOUNT_LOCKED":
      return isSend ? { status: 403, code: own("PHONE_NUMBER_BLOCKED") } : failed;
    case "TOO_MANY_REQUESTS":
      return isSend ? { status: 403, code: own("MAX_OTP_CODES_EXCEEDED") } : { status: 429, code: "TOO_MANY_REQUESTS" };
    case "NO_PATH":
      return { status: 404, code: "NOT_FOUND" };
    case "OVERLOADED":
    case "UNAVAILABLE":
    case "CANCELED":
      return { status: 503, code: "UNAVAILABLE" };
    case "DEADLINE_EXCEEDED":
      return { status: 504, code: "TIMEOUT" };
    case "INTERNAL":
      return { status: 500, code: "INTERNAL" };
    default:
      return { status: 403, code: "PERMISSION_DENIED" };
  }
}

/** CAMARA's error body. */
export function toCamaraAnswer(failure: Failure, request: FastifyRequest): DialectAnswer {
  const path = pathOf(request.raw);
  const { status, code, message = withVendorNames(failure, fieldNames) } = problemOf(failure, path.endsWith("/send-code"));
  return { status, body: { status, code, message } };
}
