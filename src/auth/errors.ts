import { type FieldViolation, isViolation } from "../model/violation.js";

/**
 * Why a call is refused. The list is closed: `rpc/errors.ts` gives each reason its wire code, and a reason without one does not
 * compile.
 */
export type Reason =
  | "CODE_INVALID"
  | "TOKEN_INVALID"
  | "REFRESH_TOKEN_REUSED"
  | "SESSION_LOST"
  | "SESSION_ENDED"
  | "CLIENT_UNKNOWN"
  | "TOO_MANY_REQUESTS"
  | "OVERLOADED"
  | "SCOPE_MISSING"
  | "USER_REQUIRED"
  | "PURPOSE_NOT_ALLOWED"
  | "ORIGIN_NOT_ALLOWED"
  | "RECENT_SIGN_IN_REQUIRED"
  | "CHANNEL_UNAVAILABLE"
  | "COUNTRY_NOT_ALLOWED"
  | "SESSION_NOT_FOUND"
  | "TOKEN_NOT_REVOCABLE"
  | "REQUEST_INVALID"
  | "UNAVAILABLE"
  | "DEADLINE_EXCEEDED"
  | "CANCELED"
  | "INTERNAL"
  | "CLIENT_INVALID"
  | "ACCOUNT_LOCKED"
  | "APP_NOT_FOUND"
  | "CLIENT_NOT_FOUND"
  | "ALREADY_EXISTS"
  | "TOO_MANY_SECRETS"
  | "DEFAULT_APP"
  | "CHALLENGE_NOT_FOUND"
  | "CHALLENGE_ENDED"
  | "USER_NOT_FOUND"
  | "USER_LOCKED"
  | "CONTACT_TAKEN"
  | "LAST_CONTACT"
  | "TOO_MANY_CONTACTS"
  | "REGISTRATION_REFUSED"
  | "MESSAGE_NOT_FOUND"
  | "PROVIDER_NOT_FOUND";

/** The only error that use cases throw. `detail` is the exact cause and appears only in the log. */
export class AuthError extends Error {
  override readonly name = "AuthError";
  readonly reason: Reason;
  readonly detail: string;
  /** Milliseconds until the same call can succeed. */
  readonly retryAfterMs: number | undefined;
  readonly violations: readonly FieldViolation[];
  /** Public key-value pairs for the caller. */
  readonly metadata: Readonly<Record<string, string>>;

  constructor(
    reason: Reason,
    options: {
      detail?: string;
      retryAfterMs?: number;
      violations?: readonly FieldViolation[];
      metadata?: Readonly<Record<string, string>>;
      cause?: unknown;
    } = {},
  ) {
    super(options.detail === undefined ? reason : `${reason}: ${options.detail}`, { cause: options.cause });
    this.reason = reason;
    this.detail = options.detail ?? "";
    this.retryAfterMs = options.retryAfterMs;
    this.violations = options.violations ?? [];
    this.metadata = options.metadata ?? {};
  }
}

/** How many violations an error names. */
const violationsMax = 10;

/** Returns an error that names fields of the request as its cause. */
export function requestInvalid(violations: readonly FieldViolation[]): AuthError {
  const named = violations.slice(0, violationsMax);
  const detail = named.map(({ field, description }) => `${field}: ${description}`).join("; ");
  return new AuthError("REQUEST_INVALID", { detail, violations: named });
}

/** As `requestInvalid`, for one field. */
export function invalidField(field: string, description: string): AuthError {
  return requestInvalid([{ field, description }]);
}

/** Returns the result of a rule of the model. Throws REQUEST_INVALID if it is a violation. */
export function accepted<T>(result: T | FieldViolation): T {
  if (isViolation(result)) throw invalidField(result.field, result.description);
  return result;
}
