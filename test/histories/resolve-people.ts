import type { Codes } from "./codes.js";
import type { Todo } from "./plan.js";
import type { PeopleTodo } from "./plan-people.js";
import { anyRequester, codeWaitMs, pick, type Ready } from "./ready.js";
import type { World } from "./world.js";

const peopleKinds = ["startChange", "proveChange", "create", "invite", "find", "get", "lock", "unlock", "remove"].concat(
  "addContact",
  "removeContact",
);

export function isAboutPeople(todo: Todo): todo is PeopleTodo {
  return peopleKinds.includes(todo.kind);
}

/** As `resolve`, for contacts and memberships. */
export async function resolvePeople(todo: PeopleTodo, world: World, codes: Codes): Promise<Ready | null> {
  switch (todo.kind) {
    case "startChange":
      return resolveStart(todo, world);
    case "proveChange":
      return await resolveProof(todo, world, codes);
    case "create": {
      const { app, verified } = todo;
      return { kind: "create", action: { app, contact: contactOf(todo, world), verified }, ...byAdmin };
    }
    case "invite":
    case "find":
      return { kind: todo.kind, action: { app: todo.app, contact: contactOf(todo, world) }, ...byAdmin };
    default:
      return resolveOfMember(todo, world);
  }
}

const byAdmin = { secrets: {}, requester: anyRequester };

function resolveStart(todo: Extract<PeopleTodo, { kind: "startChange" }>, world: World): Ready | null {
  const known = pick(world.sessions, todo.session);
  if (known === undefined) return null;
  const contact = contactOf(todo, world);
  const replaces = todo.replaces === null ? null : pick(world.identifiers, todo.replaces)!;
  const action = { session: known.session, contact, replaces: replaces === contact ? null : replaces };
  return { kind: "startChange", action, ...byUser(known) };
}

async function resolveProof(
  todo: Extract<PeopleTodo, { kind: "proveChange" }>,
  world: World,
  codes: Codes,
): Promise<Ready | null> {
  const known = pick(world.changes, todo.change);
  if (known === undefined) return null;
  const { challenge, contact, replaces } = known;
  const own = world.sessions.find(({ session }) => session === known.session);
  const session = todo.session === null ? own : pick(world.sessions, todo.session);
  const code = await codes.of(challenge, contact, codeWaitMs);
  if (session === undefined || code === null) return null;
  const action = { challenge, contact, replaces, session: session.session };
  return { kind: "proveChange", action, ...byUser(session), secrets: { code } };
}

function resolveOfMember(
  todo: Exclude<PeopleTodo, { kind: "startChange" | "proveChange" | "create" | "invite" | "find" }>,
  world: World,
): Ready | null {
  const known = pick(world.members, todo.member);
  if (known === undefined) return null;
  const { app, user } = known;
  switch (todo.kind) {
    case "addContact": {
      const action = { app, user, contact: contactOf(todo, world), verified: todo.verified };
      return { kind: "addContact", action, ...byAdmin };
    }
    case "removeContact":
      return { kind: "removeContact", action: { app, user, contact: contactOf(todo, world) }, ...byAdmin };
    default:
      return { kind: todo.kind, action: { app, user }, ...byAdmin };
  }
}

function byUser({ app, access }: World["sessions"][number]) {
  return { secrets: {}, requester: anyRequester, accessToken: access.at(-1)!, app };
}

function contactOf({ contact }: { readonly contact: number }, { identifiers }: World): string {
  return pick(identifiers, contact)!;
}
