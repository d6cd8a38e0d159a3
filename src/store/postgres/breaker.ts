/** Spares callers the wait for a server that does not answer. */
export interface Breaker {
  /** False: the server was out of reach a moment ago, so there is no use in asking now. Who is admitted reports what became of it. */
  admits(): boolean;
  answered(): void;
  failed(): void;
}

/** So many failures in a row, without an answer in between, are an outage and no accident of a connection or two. */
const failuresMax = 5;
/** How long nobody asks. Then one caller does, and the others are let in when that one has its answer. */
const restMs = 250;

/**
 * Without it every call of an outage would wait for its time limit, and those behind it for a connection of the pool: with it calls
 * fail at once but for one every 250 ms, which finds the server when it is back.
 * @param now A clock that is never set, in milliseconds.
 */
export function createBreaker(now: () => number = () => performance.now()): Breaker {
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
