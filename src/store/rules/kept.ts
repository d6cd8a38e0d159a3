/**
 * How long a challenge, and a call remembered by its idempotency key, are kept after the challenge expires. Until then logs and
 * repeated calls can still find the result.
 */
export const keptAfterExpiryMs = 60 * 60_000;

/** How long the failures of an account are remembered after the last one: 30 days. */
export const failuresKeptMs = 30 * 24 * 60 * 60_000;

/** How long a client's secret is kept after its end, so that operators can see when it was last used: 30 days. */
export const endedSecretsKeptMs = 30 * 24 * 60 * 60_000;

/** How long the mark of a deleted app or client is kept. A process that has not read for half of that reads everything again. */
export const deletionsKeptMs = 24 * 60 * 60_000;

/** How long a report of a carrier waits for its message. */
export const reportKeptMs = 60 * 60_000;

/** How many reports of one carrier wait at most. Beyond that the oldest are dropped until `reportsLeft` wait, so that it rarely happens. */
export const reportsWaitingMax = 10_000;
export const reportsLeft = 9_000;
