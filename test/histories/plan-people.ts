import fc from "fast-check";
import type { App } from "./history.js";
import { killArbitrary, type Plan, type StepOf, stepArbitrary, type Todo } from "./plan.js";

/** What histories do about contacts and memberships. `member`, `change` and `contact` count what the run knows of, as in `Todo`. */
export type PeopleTodo =
  | {
      readonly kind: "startChange";
      readonly session: number;
      readonly contact: number;
      readonly replaces: number | null;
    }
  /** `session` null: the one that asked for the change. */
  | { readonly kind: "proveChange"; readonly change: number; readonly session: number | null }
  | { readonly kind: "create"; readonly app: App; readonly contact: number; readonly verified: boolean }
  | { readonly kind: "invite" | "find"; readonly app: App; readonly contact: number }
  | { readonly kind: "get" | "lock" | "unlock" | "remove"; readonly member: number }
  | { readonly kind: "addContact"; readonly member: number; readonly contact: number; readonly verified: boolean }
  | { readonly kind: "removeContact"; readonly member: number; readonly contact: number };

/** What is there before workers race for it. */
export interface PeoplePrelude {
  /** Members whose contact is not proven. */
  readonly claims: number;
  readonly invites: number;
  /** Contact changes whose code has been sent. */
  readonly changes: number;
}

/** Mostly the first, so that workers meet. */
const index = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) });
const app = fc.oneof(
  { weight: 3, arbitrary: fc.constant<App>("default") },
  { weight: 1, arbitrary: fc.constant<App>("other") },
);
const none = fc.constant(null);
const rarely = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

function ofMember<K extends "get" | "lock" | "unlock" | "remove">(kind: K) {
  return fc.record({ kind: fc.constant(kind), member: index });
}

const todos = {
  send: fc.record({
    kind: fc.constant("send" as const),
    app,
    identifier: index,
    requester: fc.nat(9),
    register: fc.constant(false),
    key: none,
  }),
  right: fc.record({
    kind: fc.constant("verify" as const),
    challenge: fc.nat(3),
    wrong: none,
    requester: fc.nat(9),
    key: none,
  }),
  startChange: fc.record({
    kind: fc.constant("startChange" as const),
    session: index,
    contact: index,
    replaces: fc.oneof(none, index),
  }),
  proveChange: fc.record({
    kind: fc.constant("proveChange" as const),
    change: index,
    session: fc.oneof({ weight: 4, arbitrary: none }, { weight: 1, arbitrary: index }),
  }),
  create: fc.record({ kind: fc.constant("create" as const), app, contact: index, verified: rarely }),
  invite: fc.record({ kind: fc.constant("invite" as const), app, contact: index }),
  find: fc.record({ kind: fc.constant("find" as const), app, contact: index }),
  get: ofMember("get"),
  lock: ofMember("lock"),
  unlock: ofMember("unlock"),
  remove: ofMember("remove"),
  addContact: fc.record({
    kind: fc.constant("addContact" as const),
    member: fc.nat(3),
    contact: fc.nat(3),
    verified: rarely,
  }),
  removeContact: fc.record({ kind: fc.constant("removeContact" as const), member: index, contact: index }),
  use: fc.record({ kind: fc.constantFrom("use" as const, "list" as const), session: index }),
  refresh: fc.record({ kind: fc.constant("refresh" as const), session: index, back: fc.constant(0), key: none }),
  deleteUser: fc.record({ kind: fc.constant("deleteUser" as const), session: index }),
} satisfies Record<string, fc.Arbitrary<Todo>>;

type Weights = Partial<Record<keyof typeof todos, number>>;

interface Theme {
  readonly weights: Weights;
  readonly identifiersMax: number;
  readonly sessionsMax: number;
  readonly challengesMax: number;
  readonly people: Partial<PeoplePrelude>;
}

const themes: readonly Theme[] = [
  {
    weights: { lock: 3, unlock: 1, use: 3, refresh: 3, right: 3, send: 2, get: 1 },
    identifiersMax: 1,
    sessionsMax: 2,
    challengesMax: 2,
    people: {},
  },
  {
    weights: { remove: 2, deleteUser: 1, create: 3, right: 3, send: 2, use: 2, refresh: 1, get: 2, find: 1 },
    identifiersMax: 2,
    sessionsMax: 4,
    challengesMax: 2,
    people: {},
  },
  {
    weights: { startChange: 3, proveChange: 6, right: 2, send: 1, addContact: 1, removeContact: 1, get: 2, find: 1 },
    identifiersMax: 4,
    sessionsMax: 3,
    challengesMax: 1,
    people: { changes: 3 },
  },
  {
    weights: { create: 3, addContact: 3, right: 4, send: 3, get: 3, find: 1, removeContact: 1 },
    identifiersMax: 3,
    sessionsMax: 1,
    challengesMax: 2,
    people: { claims: 2 },
  },
  {
    weights: { invite: 3, right: 4, send: 1, lock: 1, unlock: 1, remove: 1, create: 1, get: 4 },
    identifiersMax: 2,
    sessionsMax: 0,
    challengesMax: 0,
    people: { invites: 2 },
  },
  {
    weights: {
      send: 2,
      right: 4,
      startChange: 1,
      proveChange: 2,
      create: 2,
      invite: 1,
      get: 3,
      find: 1,
      lock: 1,
      unlock: 1,
      remove: 1,
      addContact: 1,
      removeContact: 1,
      use: 1,
      refresh: 1,
      deleteUser: 1,
    },
    identifiersMax: 3,
    sessionsMax: 3,
    challengesMax: 2,
    people: { claims: 1, invites: 1, changes: 1 },
  },
];

const stepsMax = 30;

/** Plans of histories about contacts and memberships. */
export function peoplePlans(processes: number): fc.Arbitrary<Plan> {
  const upTo = (max = 0) => fc.integer({ min: Math.min(max, 1), max });
  return fc.constantFrom(...themes).chain(({ weights, identifiersMax, sessionsMax, challengesMax, people }) =>
    fc.record({
      prelude: fc.record({
        identifiers: upTo(identifiersMax),
        sessions: upTo(sessionsMax),
        challenges: upTo(challengesMax),
        people: fc.record({ claims: upTo(people.claims), invites: upTo(people.invites), changes: upTo(people.changes) }),
      }),
      steps: fc.array(peopleSteps(processes, weights), { minLength: 1, maxLength: stepsMax, size: "max" }),
      kill: killArbitrary(processes),
    }),
  );
}

function peopleSteps(processes: number, weights: Weights): fc.Arbitrary<StepOf<Todo>> {
  const weighted = Object.entries(weights).map(([name, weight]) => ({ weight, arbitrary: todos[name as keyof typeof todos] }));
  return stepArbitrary(processes, fc.oneof(...weighted) as fc.Arbitrary<Todo>);
}
