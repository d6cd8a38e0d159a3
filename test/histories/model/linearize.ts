/** One atomic step on one object, which happened at some place between two others. */
export interface Step<State> {
  readonly from: number;
  /** Infinity: perhaps after everything else. */
  readonly until: number;
  /** Whether it may not have happened at all. */
  readonly optional: boolean;
  /** The states that it may leave, given the state it finds; none: its answer would have been another. */
  apply(state: State): readonly State[];
  /** Whether it leaves every state as it is. */
  readonly reads: boolean;
}

/** Where the search gives up: a history that is this hard to order is taken for right, and `onGivenUp` is told. */
const visitsMax = 50_000;

/**
 * Whether there is an order of the steps that fits their intervals and in which each of them finds a state that allows it (Wing and
 * Gong's search, remembering what it has visited). `stateName` tells states apart.
 */
export function canBeOrdered<State>(
  steps: readonly Step<State>[],
  start: State,
  { stateName, onGivenUp }: { readonly stateName: (state: State) => string; readonly onGivenUp: () => void },
): boolean {
  const visited = new Set<string>();

  function search(left: readonly Step<State>[], state: State): boolean {
    const rest = withoutFittingReads(left, state);
    if (rest.every(({ optional }) => optional)) return true;
    const name = `${stateName(state)} ${rest.map((step) => steps.indexOf(step)).join()}`;
    if (visited.has(name)) return false;
    if (visited.size >= visitsMax) {
      onGivenUp();
      return true;
    }
    visited.add(name);
    return candidates(rest).some((step) => {
      const others = rest.filter((other) => other !== step);
      return step.apply(state).some((next) => search(others, next));
    });
  }

  return search(steps, start);
}

/** Those before which no other one must have happened. */
function candidates<State>(left: readonly Step<State>[]): Step<State>[] {
  const firstEnd = Math.min(...left.filter(({ optional }) => !optional).map(({ until }) => until));
  return left.filter(({ from }) => from < firstEnd);
}

/** A read that fits now can be put here without loss, which spares the search most of its branches. */
function withoutFittingReads<State>(left: readonly Step<State>[], state: State): readonly Step<State>[] {
  let rest = left;
  for (;;) {
    const open = new Set(candidates(rest));
    const next = rest.filter((step) => !(step.reads && open.has(step) && step.apply(state).length > 0));
    if (next.length === rest.length) return rest;
    rest = next;
  }
}
