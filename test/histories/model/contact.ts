/** Who has a contact of a pool verified, as one process without races would hold it. `unknown`: a person whom a lost answer made. */
export type Holder = { readonly kind: "free" } | { readonly kind: "unknown" } | { readonly kind: "held"; readonly by: string };

/** What a call does with a contact, in one moment. It gives the states that it may leave; none: it would have been answered otherwise. */
export type Operation = (holder: Holder) => readonly Holder[];

export const free: Holder = { kind: "free" };
const unknown: Holder = { kind: "unknown" };

/** For a name in a set of visited states. */
export function nameOf(holder: Holder): string {
  return holder.kind === "held" ? holder.by : holder.kind;
}

/** The user has the contact from now on, or had it. */
export function give(user: string): Operation {
  return (holder) => (holder.kind === "held" && holder.by !== user ? [] : [{ kind: "held", by: user }]);
}

/** The contact is given to a person whom a lost answer would have named. */
export const giveUnseen: Operation = (holder) => [holder.kind === "free" ? unknown : holder];

/** The user does not have the contact from now on. */
export function take(user: string): Operation {
  return (holder) => {
    if (holder.kind === "unknown") return [free, holder];
    return [holder.kind === "held" && holder.by === user ? free : holder];
  };
}

/** The user, who may have left, does not have the contact from now on, or nothing happened to it. */
export function mayTake(user: string): Operation {
  return (holder) => [holder, ...take(user)(holder)];
}

/** Any user may have lost it. */
export const takeUnseen: Operation = (holder) => [holder, free];

export function findWith(user: string): Operation {
  return (holder) => (holder.kind === "unknown" || (holder.kind === "held" && holder.by === user) ? [holder] : []);
}

export function findWithout(user: string): Operation {
  return (holder) => (holder.kind === "held" && holder.by === user ? [] : [holder]);
}

/** Another user has it. */
export function findTaken(user: string): Operation {
  return (holder) => (holder.kind === "unknown" || (holder.kind === "held" && holder.by !== user) ? [holder] : []);
}
