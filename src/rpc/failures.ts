import type { ConnectError } from "@connectrpc/connect";
import { AuthError } from "../auth/errors.js";
import { HashQueueFullError } from "../crypto/hash-queue.js";
import type { Log } from "../lib/log.js";
import { StoreMovedError, StoreUnavailableError } from "../store/port/errors.js";
import { createPlainErrors, isPlain, requestTooLarge, wireError } from "./errors.js";
import { RequestTooLargeError } from "./raw-request.js";

/** A move takes seconds to minutes, and the servers are restarted after it. */
const movedRetrySeconds = 5;

/** They follow the rule for messages in `errors.ts`. */
const movedMessages: Record<StoreMovedError["state"], string> = {
  moving: `The database is being moved to PostgreSQL and takes no changes until the move ends. Try again in ${movedRetrySeconds} seconds.`,
  moved: `The database was moved to PostgreSQL and this server must be restarted on it. Try again in ${movedRetrySeconds} seconds.`,
};

/** Turns any failure of a call into the error that its caller may see, and logs the cause. */
export type ToWireError = (error: unknown, call: { readonly method: string; readonly correlationId: string }) => ConnectError;

export function createToWireError(log: Log): ToWireError {
  const plainError = createPlainErrors();
  return (error, { method, correlationId }) => {
    if (error instanceof AuthError && error.reason !== "INTERNAL") {
      log.debug({ method, correlationId, reason: error.reason, detail: error.detail }, "call refused");
      if (isPlain(error)) return plainError(error.reason);
      const { retryAfterMs, violations, metadata } = error;
      return wireError(error.reason, { retryAfterMs, violations, metadata });
    }
    if (error instanceof RequestTooLargeError) {
      log.debug({ method, correlationId }, "call refused: the message is too large");
      return requestTooLarge();
    }
    if (error instanceof StoreMovedError) {
      log.debug({ method, correlationId, state: error.state }, "call refused: the database is being moved or was");
      return wireError("UNAVAILABLE", { message: movedMessages[error.state], retryAfterMs: movedRetrySeconds * 1000 });
    }
    if (error instanceof StoreUnavailableError) {
      log.warn({ method, correlationId, error }, "store unavailable");
      return plainError("UNAVAILABLE");
    }
    if (error instanceof HashQueueFullError) {
      log.debug({ method, correlationId, retryAfterMs: error.retryAfterMs }, "call refused: the hash queue is full");
      return wireError("OVERLOADED", { retryAfterMs: error.retryAfterMs });
    }
    log.error({ method, correlationId, error }, "internal error");
    return wireError("INTERNAL", { metadata: { correlation_id: correlationId } });
  };
}
