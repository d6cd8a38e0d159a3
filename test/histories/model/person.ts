import type { App } from "../history.js";

/** A person of a pool as one process without races would hold it: absent before, and gone after, all memberships. */
export type PersonState =
  | { readonly kind: "absent" }
  | { readonly kind: "gone" }
  | { readonly kind: "there"; readonly apps: readonly App[] };

/** What a call does with a person, in one moment. It gives the states that it may leave; none: it would have been answered otherwise. */
export type Operation = (state: PersonState) => readonly PersonState[];

export const absent: PersonState = { kind: "absent" };
const gone: PersonState = { kind: "gone" };

/** For a name in a set of visited states. */
export function nameOf(state: PersonState): string {
  return state.kind === "there" ? `there ${[...state.apps].sort().join()}` : state.kind;
}

const isIn = (state: PersonState, app: App) => state.kind === "there" && state.apps.includes(app);

/** The person is created by the app. */
export function create(app: App): Operation {
  return (state) => (state.kind === "absent" ? [{ kind: "there", apps: [app] }] : []);
}

/** A person that is there becomes a member. */
export function join(app: App): Operation {
  return (state) => (state.kind === "there" && !isIn(state, app) ? [{ kind: "there", apps: [...state.apps, app] }] : []);
}

/** The person becomes a member in whatever way, or is not touched. */
export function mayCome(app: App): Operation {
  return (state) => [state, ...create(app)(state), ...join(app)(state)];
}

export function findMember(app: App): Operation {
  return (state) => (isIn(state, app) ? [state] : []);
}

export function findStranger(app: App): Operation {
  return (state) => (isIn(state, app) ? [] : [state]);
}

/** Ends a membership that has to be there, and the person with the last one. `erased` null: the answer does not say. */
export function leave(app: App, erased: boolean | null): Operation {
  return (state) => {
    if (state.kind !== "there" || !isIn(state, app)) return [];
    const apps = state.apps.filter((one) => one !== app);
    const isErased = apps.length === 0;
    if (erased !== null && erased !== isErased) return [];
    return [isErased ? gone : { kind: "there", apps }];
  };
}

/** A user's own deletion. Another one may have come first: both are answered, because both find the user gone afterwards. */
export function leaveOwn(app: App): Operation {
  return (state) => (isIn(state, app) ? leave(app, null)(state) : [state]);
}

export function mayLeave(app: App): Operation {
  return (state) => [state, ...leave(app, null)(state)];
}
