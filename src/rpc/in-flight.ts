/** Counts and bounds the running calls of the whole process. */
export interface InFlight {
  /** Counts one more call. Returns false, and counts nothing, if there are already as many as allowed. */
  enter(): boolean;
  leave(): void;
  count(): number;
}

/** Some 20 times what two cores answer in a second at best. More waiting calls would only cost memory. */
const callsMaxDefault = 2048;

export function createInFlight(callsMax = callsMaxDefault): InFlight {
  let calls = 0;
  return {
    enter() {
      if (calls >= callsMax) return false;
      calls += 1;
      return true;
    },
    leave() {
      calls -= 1;
    },
    count: () => calls,
  };
}
