import type { MemberState } from "../history.js";

/** A membership of a person in an app, as one process without races would hold it. */
export type State = MemberState | "none";

/** What a call does with a membership, in one moment. It gives the states that it may leave; none: it would have been answered otherwise. */
export type Operation = (state: State) => readonly State[];

/** CreateUser and InviteUser make a membership, in the state that they answer. */
export function make(state: MemberState): Operation {
  return (found) => (found === "none" ? [state] : []);
}

/** InviteUser for somebody who is still invited. */
export const inviteAgain: Operation = (state) => (state === "invited" ? ["invited"] : []);

/** A sign-in makes an invited member active, and a stranger a member if the answer says so. */
export function signIn(isNewUser: boolean): Operation {
  if (isNewUser) return make("active");
  return (state) => (state === "invited" || state === "active" ? ["active"] : []);
}

export const lock: Operation = (state) => (state === "none" ? [] : ["locked"]);

/** Members without a lock stay what they are. */
export function unlock(seen: MemberState): Operation {
  return (state) => {
    const left = state === "locked" ? "active" : state;
    return left === seen ? [left] : [];
  };
}

export const leave: Operation = (state) => (state === "none" ? [] : ["none"]);

/** A user's own deletion. Another one may have come first: both are answered, because both find the user gone afterwards. */
export const leaveOwn: Operation = () => ["none"];

export function find(seen: State): Operation {
  return (state) => (state === seen ? [state] : []);
}

/** A lost call changes a membership as it would have, or not at all. */
export function perhaps(...operations: readonly Operation[]): Operation {
  return (state) => [state, ...operations.flatMap((operation) => operation(state))];
}
