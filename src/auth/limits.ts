import type { EpochMs, Limited } from "../store/store.js";
import { AuthError } from "./errors.js";

/** Refuses a call whose allowance is spent, saying truthfully when it is free again. */
export function tooManyRequests({ retryAt }: Limited, now: EpochMs): AuthError {
  return new AuthError("TOO_MANY_REQUESTS", { retryAfterMs: Math.max(retryAt - now, 1) });
}
