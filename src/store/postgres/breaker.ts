/** A circuit breaker: while the server does not answer, calls fail at once instead of waiting. */
export interface Breaker {
  /** Returns false if the server was unreachable a moment ago. If true, the caller must report `answered` or `failed`. */
  admits(): boolean;
  answered(): void;
  failed(): void;
}

export interface BreakerLimits {
  /** So many failures in a row, without an answer in between, are an outage and not the accident of one or two connections. */
  readonly failuresMax: number;
  /** How long all calls fail at once. Then one call is let through, and the others follow when it has its answer. */
  readonly restMs: number;
}

const limits: BreakerLimits = { failuresMax: 5, restMs: 250 };

/**
 * Without a breaker every call during an outage would wait for its time limit, and later calls for a connection of the pool.
 * With it calls fail at once. One call every 250 ms still goes through and finds the server when it is back.
 * @param now A monotonic clock in milliseconds.
 */
export function createBreaker(
  now: () => number = () => performance.now(),
  { failuresMax, restMs }: BreakerLimits = limits,
): Breaker {
  let failures = 0;
  let restsUntil = 0;
  return {
    admits() {
      if (failures < failuresMax) return true;
      if (now() < restsUntil) return false;
      restsUntil = now() + restMs;
      return true;
    },
    answered() {
      failures = 0;
    },
    failed() {
      failures += 1;
      restsUntil = now() + restMs;
    },
  };
}
