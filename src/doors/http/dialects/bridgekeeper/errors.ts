import type { DialectAnswer } from "../dialect.js";
import type { Failure } from "../failure.js";

/** The names that Bridgekeeper has for fields of the API. */
const fieldNames: Readonly<Record<string, string>> = { code: "otp", phone: "phone-number", display_name: "name" };

/** Bridgekeeper's clients read `message`, `error.message` or both. Where it documents no words, they are Latchkey's. */
export function toBridgekeeperAnswer({ reason, status, message }: Failure): DialectAnswer {
  switch (reason) {
    case "CODE_INVALID":
      return { status, body: bodyOf("OTP did not match") };
    case "TOKEN_INVALID":
      return { status, body: bodyOf("Could not find qt-auth cookie or X-QT-AUTH header, please Login.") };
    case "REQUEST_INVALID":
      return { status, body: bodyOf(message.replace(/^\w+(?=:)/, (field) => fieldNames[field] ?? field)) };
    default:
      return { status, body: bodyOf(message) };
  }
}

export const unserved = bodyOf("Latchkey does not serve this path of Bridgekeeper. It has no passwords and no social login.");

function bodyOf(message: string) {
  return { message, error: { message } };
}
