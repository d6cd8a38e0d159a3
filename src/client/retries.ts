import { errorDetails } from "./connect-error-details.js";
import type { ErrorReasonName } from "./error-details.js";

export type Sleep = (ms: number) => Promise<void>;

/** Pauses between tries; each is cut by up to a half at random, so that pages that failed together do not return together. */
const pausesMs = [250, 1000, 3000];
/** A server that asks for a longer pause is not waited for: the caller learns at once. */
const pauseMsMax = 5000;

const passing: ReadonlySet<string | null> = new Set<ErrorReasonName | null>([
  null,
  "UNAVAILABLE",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "CANCELED",
  "INTERNAL",
]);

/** True: nobody refused the call itself, so the same one can succeed later, and may have taken effect already. */
export function isPassing(error: unknown): boolean {
  return passing.has(errorDetails(error).reason);
}

/** Calls up to four times while failures are passing. Only for calls that are safe to repeat. Throws the last failure. */
export async function withRetries<T>(call: () => Promise<T>, sleep: Sleep): Promise<T> {
  for (const pauseMs of pausesMs) {
    try {
      return await call();
    } catch (error) {
      const waitMs = Math.max(errorDetails(error).retryAfterMs ?? 0, pauseMs * (1 - Math.random() / 2));
      if (!isPassing(error) || waitMs > pauseMsMax) throw error;
      await sleep(waitMs);
    }
  }
  return await call();
}
