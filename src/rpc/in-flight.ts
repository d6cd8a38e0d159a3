/** Counts the calls that are being worked on, and bounds them: one object for the whole process. */
export interface InFlight {
  /** False: there are as many as there may be, and nothing was counted. */
  enter(): boolean;
  leave(): void;
  count(): number;
}

/** Some 20 times what two cores answer within a second at their fastest: beyond it waiting callers only cost memory. */
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
