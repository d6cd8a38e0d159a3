import type { EpochMs, Limited } from "../store/store.js";
import type { Budget, Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Refuses a call whose allowance is spent, saying truthfully when it is free again. */
export function tooManyRequests(deps: Deps, budget: Budget, { retryAt }: Limited, now: EpochMs): AuthError {
  deps.metrics.budgetRefused(budget);
  return new AuthError("TOO_MANY_REQUESTS", { retryAfterMs: Math.max(retryAt - now, 1) });
}
