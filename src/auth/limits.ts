import type { Budget } from "../model/metrics.js";
import type { EpochMs } from "../model/time.js";
import type { Limited } from "../store/port/budgets.js";
import type { Deps } from "./deps.js";
import { AuthError } from "./errors.js";

/** Returns the error for a spent budget, by default `budget`, with the true time until the call can succeed. */
export function tooManyRequests(
  deps: Pick<Deps, "metrics">,
  budget: Budget,
  { retryAt, name = budget }: Limited,
  now: EpochMs,
): AuthError {
  deps.metrics.budgetRefused(name);
  return new AuthError("TOO_MANY_REQUESTS", { detail: name, retryAfterMs: Math.max(retryAt - now, 1) });
}
