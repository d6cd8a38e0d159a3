import type { Caller } from "../model/caller.js";
import type { Challenge } from "../model/challenge.js";
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

/**
 * Reports that a code was not sent because of a budget of its number. The answer does not say so, because the request did not name
 * the number.
 */
export function reportMuted(deps: Pick<Deps, "metrics" | "log">, caller: Caller, { challengeId }: Challenge): void {
  deps.metrics.budgetRefused("hidden_number");
  deps.log.warn(
    { challengeId, correlationId: caller.correlationId },
    "code not sent: the prefix or the country of the user's phone number has used up its budget",
  );
}
