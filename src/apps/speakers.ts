import { allowsOrigin } from "../model/client.js";
import type { Dialect } from "../model/dialect.js";
import type { Directory, Registered } from "./directory.js";

/** Returns `speakerOf` of a directory with these clients. Collects the speakers of a dialect at its first question. */
export function createSpeakers(registered: ReadonlyMap<string, Registered>): Directory["speakerOf"] {
  const known = new Map<Dialect, readonly Registered[]>();

  function speakersOf(dialect: Dialect): readonly Registered[] {
    const found = known.get(dialect) ?? [
      ...new Set([...registered.values()].filter(({ client }) => client.dialects.includes(dialect))),
    ];
    known.set(dialect, found);
    return found;
  }

  return (dialect, { host, origin }) => {
    const open = speakersOf(dialect).filter(({ client }) => client.kind === "public");
    const named = open.filter(({ client }) => client.hosts.includes(host));
    if (named.length > 0) return sole(named);
    const allowed = origin === undefined ? [] : open.filter(({ client }) => allowsOrigin(client, origin));
    return allowed.length > 0 ? sole(allowed) : sole(open);
  };
}

function sole(registered: readonly Registered[]): Registered | null {
  return registered.length === 1 ? registered[0]! : null;
}
