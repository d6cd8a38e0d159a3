import type { DialectAnswer } from "../dialect.js";
import { type Failure, withVendorNames } from "../failure.js";

/** The names that Bridgekeeper has for fields of the API. */
const fieldNames: Readonly<Record<string, string>> = { code: "otp", phone: "phone-number", display_name: "name" };

/** Bridgekeeper's clients read `message`, `error.message` or both. Where it documents no words, they are Latchkey's. */
export function toBridgekeeperAnswer(failure: Failure): DialectAnswer {
  const { reason, status } = failure;
  switch (reason) {
    case "CODE_INVALID":
      return { status, body: bodyOf("OTP did not match") };
    case "TOKEN_INVALID":
      return { status, body: bodyOf("Could not find qt-auth cookie or X-QT-AUTH header, please Login.") };
    case "NO_PATH":
      return {
        status,
        body: bodyOf("Latchkey does not serve this path of Bridgekeeper. It has no passwords and no social login."),
      };
    default:
      return { status, body: bodyOf(withVendorNames(failure, fieldNames)) };
  }
}

function bodyOf(message: string) {
  return { message, error: { message } };
}
