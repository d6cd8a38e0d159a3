import { wrongCode } from "../support/calls.js";
import type { Codes } from "./codes.js";
import type { Actions, Kind } from "./history.js";
import type { Secrets } from "./perform.js";
import type { Todo } from "./plan.js";
import type { World } from "./world.js";

/** A step with names in place of numbers: a call that can be made. */
export type Ready = {
  readonly [K in Kind]: { readonly kind: K; readonly action: Actions[K]; readonly secrets: Secrets };
}[Kind] & {
  /** Who asks, as the proxy in front would say. */
  readonly requester: string;
  readonly accessToken?: string;
};

/** Of calls whose requester does not matter. */
export const anyRequester = "203.0.113.250";
const codeWaitMs = 250;

/** Null: what the step is about does not exist (yet), so there is nothing to call. */
export async function resolve(todo: Todo, world: World, codes: Codes): Promise<Ready | null> {
  switch (todo.kind) {
    case "send":
      return resolveSend(todo, world);
    case "resend": {
      const known = pick(world.challenges, todo.challenge);
      if (known === undefined) return null;
      const { challenge, identifier } = known;
      const requester = requesterOf(todo.requester);
      const key = world.keyOf(`resend-${todo.requester}`, todo.key);
      return { kind: "resend", action: { challenge, identifier, requester, key }, secrets: {}, requester };
    }
    case "verify": {
      const known = pick(world.challenges, todo.challenge);
      const code = known === undefined ? null : await codes.of(known.challenge, known.identifier, codeWaitMs);
      if (known === undefined || code === null) return null;
      const right = todo.wrong === null;
      const requester = requesterOf(todo.requester);
      const action = { challenge: known.challenge, right, requester, key: world.keyOf("verify", todo.key) };
      const secrets = { code: right ? code : wrongCode(code, todo.wrong ?? 0) };
      return { kind: "verify", action, secrets, requester };
    }
    default:
      return resolveOfSession(todo, world);
  }
}

/** A right guess whose code has been read before; null: it has not. */
export function resolveSignIn(action: Actions["verify"], codes: Codes): Ready | null {
  const code = codes.known(action.challenge);
  return code === null ? null : { kind: "verify", action, secrets: { code }, requester: action.requester };
}

function resolveSend(todo: Extract<Todo, { kind: "send" }>, { identifiers, keyOf }: World): Ready {
  const requester = requesterOf(todo.requester);
  const identifier = pick(identifiers, todo.identifier)!;
  const key = keyOf(`send-${todo.requester}`, todo.key);
  const purpose = todo.register ? "registration" : "login";
  return { kind: "send", action: { identifier, requester, purpose, key }, secrets: {}, requester };
}

function resolveOfSession(todo: Exclude<Todo, { kind: "send" | "resend" | "verify" }>, world: World): Ready | null {
  const known = pick(world.sessions, todo.session);
  if (known === undefined) return null;
  const { session } = known;
  const base = { requester: anyRequester, accessToken: known.access.at(-1)!, secrets: {} };
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

/** Documentation addresses (RFC 5737). */
function requesterOf(number: number): string {
  return `203.0.113.${number + 1}`;
}

function pick<T>(items: readonly T[], index: number): T | undefined {
  return items[index % Math.max(items.length, 1)];
}
