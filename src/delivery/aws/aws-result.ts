import { resultOfNoAnswer } from "../http/carrier-result.js";
import { resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";
import { NoAnswer } from "./aws-http.js";

/** The codes of errors with and without their suffix `Exception`: the services and the protocols differ in it. */
const throttles = new Set([
  "TooManyRequests",
  "Throttling",
  "Throttled",
  "RequestThrottled",
  "RequestLimitExceeded",
  "SlowDown",
]);

/** https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html */
const credentials = new Set([
  "AccessDenied",
  "AuthFailure",
  "AuthorizationError",
  "CredentialsProviderError",
  "ExpiredToken",
  "IncompleteSignature",
  "InvalidClientTokenId",
  "InvalidSecurity",
  "InvalidSignature",
  "MissingAuthenticationToken",
  "NotAuthorized",
  "OptInRequired",
  "SignatureDoesNotMatch",
  "TokenRefreshRequired",
  "UnrecognizedClient",
]);

/** https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html and …/sns/latest/api/API_Publish.html, §Errors. */
const accountTroubles = new Set(["AccountSuspended", "SendingPaused", "MailFromDomainNotVerified", "NotFound", "UserError"]);
const messageRefusals = new Set([
  "BadRequest",
  "EndpointDisabled",
  "InvalidParameter",
  "InvalidParameterValue",
  "MessageRejected",
  "OptedOut",
  "Validation",
  "ValidationError",
]);

/** Classifies a failed call of the AWS SDK. `detail` holds the error's code and never its message, which may repeat the destination. */
export function resultOfAwsFailure(error: unknown): DeliveryFailure {
  if (error instanceof NoAnswer) return resultOfNoAnswer(error.outcome);
  const { code, status, message } = factsOf(error);
  const detail = status === 0 ? code : `HTTP ${status}, ${code}`;
  if (credentials.has(code) || (status === 0 && /Credential|Profile|SSO|Token/.test(code))) {
    const advice = "check the role or the AWS_ variables of this process";
    return resultOfMeaning("misconfigured", `AWS refuses the credentials, or there are none (${detail}): ${advice}`);
  }
  if (throttles.has(code) || status === 429) return resultOfMeaning("temporary", `AWS asks to wait (${detail})`);
  if (accountTroubles.has(code)) {
    return resultOfMeaning("misconfigured", `AWS can't send for this account (${detail}): look at its console`);
  }
  // https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html: a sender, or a recipient of the sandbox.
  if (code === "MessageRejected" && /not verified/i.test(message)) {
    const advice = "verify the sender, and leave the sandbox";
    return resultOfMeaning("sender_refused", `AWS refuses an address that is not verified (${detail}): ${advice}`);
  }
  if (messageRefusals.has(code)) return resultOfMeaning("permanent", `AWS refuses the message (${detail})`);
  if (status === 401 || status === 403) {
    return resultOfMeaning("misconfigured", `AWS refuses the credentials (${detail}): check them`);
  }
  if (status === 503 || code === "LimitExceeded") return resultOfMeaning("unavailable", `AWS can't send now (${detail})`);
  if (status >= 400 && status < 500) {
    return resultOfMeaning("misconfigured", `AWS refuses the request (${detail}): check region and endpoint`);
  }
  // An answer that can't be read, or a failure inside of AWS: perhaps the message was taken.
  if (status > 0) return { kind: "unknown", detail: `AWS failed while it may have taken the message (${detail})` };
  return { kind: "unavailable", detail: `the AWS SDK can't send (${detail})` };
}

function factsOf(error: unknown): { readonly code: string; readonly status: number; readonly message: string } {
  if (!(error instanceof Error)) return { code: "unknown", status: 0, message: "" };
  const { $metadata, $response } = error as { $metadata?: { httpStatusCode?: number }; $response?: { statusCode?: number } };
  const code = error.name.replace(/Exception$/, "");
  return {
    code: /^[A-Za-z][A-Za-z0-9]{0,60}$/.test(code) ? code : "unknown",
    status: $metadata?.httpStatusCode ?? $response?.statusCode ?? 0,
    message: error.message,
  };
}
