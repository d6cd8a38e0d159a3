/** A token's end and whole lifetime, by the clock of this machine. */
interface Lifetime {
  readonly accessTokenExpiresAt: number;
  readonly accessTokenTtlMs: number;
}

/** Corrections of a working clock are smaller. */
const clockStepMs = 5000;

/**
 * `due`: the last fifth of the token's lifetime, at most 60 s. `pressing`: the last twentieth, at most 10 s, about the time that a call
 * may take. Also pressing if more time is left than the token ever had: the clock was set back.
 */
export function dueness(token: Lifetime, now: number): { due: boolean; pressing: boolean } {
  const leftMs = token.accessTokenExpiresAt - now;
  const ttlMs = token.accessTokenTtlMs;
  const pressing = leftMs <= Math.min(10_000, ttlMs / 20) || leftMs > ttlMs + clockStepMs;
  return { due: pressing || leftMs <= Math.min(60_000, ttlMs / 5), pressing };
}
