/** `TOKEN_INVALID`: answer 401. `KEYS_UNAVAILABLE`: nothing is known about the token, answer 503. */
export type AccessTokenErrorReason = "TOKEN_INVALID" | "KEYS_UNAVAILABLE";

/** The one error that verifying an access token throws. The message is for logs; it holds nothing of the token. */
export class AccessTokenError extends Error {
  override readonly name = "AccessTokenError";
  readonly reason: AccessTokenErrorReason;

  constructor(reason: AccessTokenErrorReason, detail: string, cause?: unknown) {
    super(`${reason}: ${detail}`, { cause });
    this.reason = reason;
  }
}
