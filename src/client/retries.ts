import { errorDetails } from "./connect-error-details.js";
import type { ErrorReasonName } from "./error-details.js";

export type Sleep = (ms: number) => Promise<void>;

/** Pauses between attempts, less a random part of up to a half: clients that failed together do not retry together. */
const pausesMs = [250, 1000, 3000];
/** If the server asks for a longer pause, the call fails at once. */
const pauseMsMax = 5000;

const passing: ReadonlySet<string | null> = new Set<ErrorReasonName | null>([
  null,
  "UNAVAILABLE",
  "OVERLOADED",
  "DEADLINE_EXCEEDED",
  "CANCELED",
  "INTERNAL",
]);

/** True if the same call can succeed later without a change. The failed call may still have taken effect. */
export function isPassing(error: unknown): boolean {
  return passing.has(errorDetails(error).reason);
}

/** Makes up to four attempts while errors are passing. The call must be safe to repeat. Throws the last error. */
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
