import { STATUS_CODES } from "node:http";
import type { FastifyRequest } from "fastify";
import type { DialectAnswer } from "../dialect.js";
import { type Failure, withVendorNames } from "../failure.js";
import { words } from "./names.js";

interface Problem {
  readonly status: number;
  readonly message: string;
  /** SolidX's code for what it has none for, unless it is given. */
  readonly code?: string;
  /** What is wrong with the fields of the request. */
  readonly fields?: readonly string[];
}

const unknownCode = "solidx-unknown-error";
const ofSession = "solidx-session-invalid";

/** SolidX's words for what Latchkey refuses. Where it has none, the code is Latchkey's reason. */
function problemOf(failure: Failure): Problem {
  const { reason, status, message } = failure;
  switch (reason) {
    case "CODE_INVALID":
      return { status: 401, message: "Invalid OTP." };
    case "USER_NOT_FOUND":
      return { status: 401, message: "User does not exist." };
    case "ALREADY_EXISTS":
      return { status: 409, message: "User already exists. Please sign in." };
    case "PURPOSE_NOT_ALLOWED":
      return { status: 400, message: "Passwordless registration is not enabled." };
    case "REFRESH_TOKEN_REUSED":
      return { status: 401, message: "Access denied", code: ofSession };
    case "SESSION_ENDED":
    case "SESSION_LOST":
      return { status: 401, message: "Your session has expired. Please log in again.", code: ofSession };
    case "TOKEN_INVALID":
    case "NO_CREDENTIALS":
    case "USER_REQUIRED":
      return { status: 401, message: "Unauthorized" };
    case "MALFORMED":
    case "REQUEST_INVALID":
      return status === 400 ? requestProblem(failure) : { status, message };
    default:
      return { status, message, code: reason };
  }
}

/** SolidX's names of fields. */
const names = { phone: "mobile", code: "otp", verification_sources: "validationSources", custom_attributes: "customPayload" };

function requestProblem(failure: Failure): Problem {
  const { message } = failure;
  const status = 400;
  if (Object.values<string>(words).includes(message)) return { status, message };
  // RegisterUser says so of a contact that the registration has to prove.
  if (/^email: must not be empty|names email/.test(message)) return { status, message: words.noEmail };
  if (/^phone: must not be empty|names phone/.test(message)) return { status, message: words.noMobile };
  return { status, message: "Bad Request Exception", fields: [withVendorNames(failure, names)] };
}

/** SolidX's error body. `data` is that of the framework of its server. */
export function toSolidxAnswer(failure: Failure, _request: FastifyRequest): DialectAnswer {
  const { status, message, code = unknownCode, fields } = problemOf(failure);
  const name = STATUS_CODES[status]!;
  const data = { message: fields ?? message, error: name, statusCode: status };
  return { status, body: { statusCode: status, statusCodeMessage: name, message, errorCode: code, error: message, data } };
}
