import type { Key } from "../history.js";

/** A session as one process without races would hold it. */
export type SessionState =
  | { readonly kind: "absent" }
  | { readonly kind: "ended" }
  | {
      readonly kind: "live";
      /** The generation of the newest refresh token. */
      readonly newest: number;
      /** The idempotency key of the call that made it. */
      readonly madeBy: Key;
    };

/** What a call does with a session, in one moment. It gives the states that it may leave; none: it would have been answered otherwise. */
export type Operation = (state: SessionState) => readonly SessionState[];

export const absent: SessionState = { kind: "absent" };
const ended: SessionState = { kind: "ended" };

/** For a name in a set of visited states. */
export function nameOf(state: SessionState): string {
  return state.kind === "live" ? `live ${state.newest} ${state.madeBy}` : state.kind;
}

export const create: Operation = (state) => (state.kind === "absent" ? [{ kind: "live", newest: 0, madeBy: null }] : []);

export const findLive: Operation = (state) => (state.kind === "live" ? [state] : []);

export const findGone: Operation = (state) => (state.kind === "live" ? [] : [state]);

/** The outcome of a sign-in is given again for as long as the session was not refreshed. */
export const findFresh: Operation = (state) => (state.kind === "live" && state.newest === 0 ? [state] : []);

/** Ends a session that has to be there. */
export const endLive: Operation = (state) => (state.kind === "live" ? [ended] : []);

/** Ends a session that may be there. */
export const endAny: Operation = (state) => [state.kind === "live" ? ended : state];

/** Whether a token that was just spent gives its successor again: for sure, perhaps (the clock decides), or not. */
export type Grace = "holds" | "may hold";

interface Refresh {
  readonly generation: number;
  readonly key: Key;
}

/** A token is exchanged: its successor is made, or given again. */
export function exchange({ generation, key }: Refresh): Operation {
  return (state) => {
    if (state.kind !== "live") return [];
    if (generation === state.newest) return [{ kind: "live", newest: generation + 1, madeBy: key }];
    return generation === state.newest - 1 ? [state] : [];
  };
}

/** A token is found to have been used before, which ends the session. */
export function findReused({ generation, key }: Refresh, grace: Grace): Operation {
  return (state) => {
    if (state.kind !== "live" || generation >= state.newest) return [];
    const isPredecessor = generation === state.newest - 1;
    const isTwin = key !== null && key === state.madeBy;
    return isPredecessor && (isTwin || grace === "holds") ? [] : [ended];
  };
}

/** Whatever a refresh whose answer was lost may have done. */
export function refreshUnseen(refresh: Refresh, grace: Grace): Operation {
  return (state) => [...exchange(refresh)(state), ...findReused(refresh, grace)(state)];
}
