/**
 * How long a challenge, and a call remembered by its idempotency key, are kept after the challenge expires. Until then logs and
 * repeated calls can still find the result.
 */
export const keptAfterExpiryMs = 60 * 60_000;

/** How long the failures of an account are remembered after the last one: 30 days. */
export const failuresKeptMs = 30 * 24 * 60 * 60_000;
