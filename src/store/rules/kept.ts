/**
 * How long challenges, and the calls that idempotency keys remember, outlive a challenge's expiry: the log and a repeated call can
 * still find what became of it.
 */
export const keptAfterExpiryMs = 60 * 60_000;
