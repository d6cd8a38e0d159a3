import { wrongCode } from "../support/calls.js";
import type { Codes } from "./codes.js";
import type { Actions, App } from "./history.js";
import type { Todo } from "./plan.js";
import type { PeopleTodo } from "./plan-people.js";
import { anyRequester, codeWaitMs, pick, type Ready } from "./ready.js";
import { isAboutPeople, resolvePeople } from "./resolve-people.js";
import type { World } from "./world.js";

/** Null: what the step is about does not exist (yet), so there is nothing to call. */
export async function resolve(todo: Todo, world: World, codes: Codes): Promise<Ready | null> {
  if (isAboutPeople(todo)) return await resolvePeople(todo, world, codes);
  switch (todo.kind) {
    case "send":
      return resolveSend(todo, world);
    case "resend": {
      const known = pick(world.challenges, todo.challenge);
      if (known === undefined) return null;
      const { challenge, identifier } = known;
      const requester = requesterOf(todo.requester);
      const key = world.keyOf(`resend-${todo.requester}`, todo.key);
      return { kind: "resend", action: { challenge, identifier, requester, key }, secrets: {}, requester, app: known.app };
    }
    case "verify": {
      const known = pick(world.challenges, todo.challenge);
      const code = known === undefined ? null : await codes.of(known.challenge, known.identifier, codeWaitMs);
      if (known === undefined || code === null) return null;
      const right = todo.wrong === null;
      const requester = requesterOf(todo.requester);
      const action = {
        challenge: known.challenge,
        right,
        requester: named(requester, known.app),
        key: world.keyOf("verify", todo.key),
      };
      const { app } = known;
      const secrets = { code: right ? code : wrongCode(code, todo.wrong ?? 0), app };
      return { kind: "verify", action, secrets, requester, app };
    }
    default:
      return resolveOfSession(todo, world);
  }
}

/** A right guess whose code has been read before; null: it has not. */
export function resolveSignIn(action: Actions["verify"], app: App, codes: Codes): Ready | null {
  const code = codes.known(action.challenge);
  return code === null ? null : { kind: "verify", action, secrets: { code, app }, requester: action.requester, app };
}

/** The same guess again. */
export function resolveAgain(action: Actions["verify"], { apps }: World, codes: Codes): Ready | null {
  return resolveSignIn(action, apps.get(action.challenge)!, codes);
}

function resolveSend(todo: Extract<Todo, { kind: "send" }>, { identifiers, keyOf }: World): Ready {
  const { app = "default" } = todo;
  const requester = requesterOf(todo.requester);
  const identifier = pick(identifiers, todo.identifier)!;
  const key = keyOf(`send-${todo.requester}`, todo.key);
  const purpose = todo.register ? "registration" : "login";
  return {
    kind: "send",
    action: { app, identifier, requester: named(requester, app), purpose, key },
    secrets: {},
    requester,
    app,
  };
}

function resolveOfSession(
  todo: Exclude<Todo, PeopleTodo | { kind: "send" | "resend" | "verify" }>,
  world: World,
): Ready | null {
  const known = pick(world.sessions, todo.session);
  if (known === undefined) return null;
  const { session } = known;
  const base = { requester: anyRequester, accessToken: known.access.at(-1)!, secrets: {}, app: known.app };
  switch (todo.kind) {
    case "refresh": {
      const generations = [...known.refresh.keys()].sort((a, b) => b - a);
      const generation = generations[Math.min(todo.back, generations.length - 1)]!;
      const action = { session, generation, key: world.keyOf("refresh", todo.key) };
      return { ...base, kind: "refresh", action, secrets: { token: known.refresh.get(generation)! } };
    }
    case "revokeToken": {
      const newest = known.refresh.get(Math.max(...known.refresh.keys()))!;
      const token = todo.token === "access" ? base.accessToken : newest;
      return { ...base, kind: "revokeToken", action: { session }, secrets: { token } };
    }
    case "revokeSession":
      return { ...base, kind: "revokeSession", action: { session, target: pick(world.sessions, todo.target)!.session } };
    default:
      return { ...base, kind: todo.kind, action: { session } };
  }
}

/** A requester is an address and the client that it uses. */
function named(address: string, app: App): string {
  return app === "default" ? address : `${address} in ${app}`;
}

/** Documentation addresses (RFC 5737). */
function requesterOf(number: number): string {
  return `203.0.113.${number + 1}`;
}
