/**
 * `TOKEN_INVALID`: answer 401. `SCOPE_MISSING`: the token is a client's and lacks a scope; answer 403. `KEYS_UNAVAILABLE`: the issuer's
 * keys could not be fetched, so the token could not be checked; answer 503.
 */
export type AccessTokenErrorReason = "TOKEN_INVALID" | "SCOPE_MISSING" | "KEYS_UNAVAILABLE";

/** The only error that verifying an access token throws. Its message is safe to log: it holds no part of the token. */
export class AccessTokenError extends Error {
  override readonly name = "AccessTokenError";
  readonly reason: AccessTokenErrorReason;

  constructor(reason: AccessTokenErrorReason, detail: string, cause?: unknown) {
    super(`${reason}: ${detail}`, { cause });
    this.reason = reason;
  }
}
