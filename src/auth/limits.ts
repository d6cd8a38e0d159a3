import type { Budget } from "../model/metrics.js";
import type { EpochMs } from "../model/time.js";
import type { Limited } from "../store/port/budgets.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Refuses a call whose allowance is spent, saying truthfully when it is free again. */
export function tooManyRequests(deps: Deps, budget: Budget, { retryAt }: Limited, now: EpochMs): AuthError {
  deps.metrics.budgetRefused(budget);
  return new AuthError("TOO_MANY_REQUESTS", { retryAfterMs: Math.max(retryAt - now, 1) });
}
