import fc from "fast-check";
import type { App } from "./history.js";
import { type PeoplePrelude, type PeopleTodo, peoplePlans } from "./plan-people.js";

/**
 * What a history is to do: made from a seed alone, with numbers in place of what only a run can name. `challenge` and `session` count
 * what the run knows of so far; a step that finds nothing there is left out.
 */
export interface Plan {
  /** Done first, so that workers find something to race for. */
  readonly prelude: {
    readonly identifiers: number;
    readonly sessions: number;
    readonly challenges: number;
    readonly people?: PeoplePrelude;
  };
  /** Each worker does its steps one after the other, all workers at once. */
  readonly steps: readonly Step[];
  /** A process killed while they work. */
  readonly kill: { readonly process: number; readonly afterMs: number } | null;
}

export type Step = StepOf<Todo>;

export interface StepOf<T> {
  readonly worker: number;
  readonly process: number;
  readonly door: Door;
  readonly waitMs: number;
  /** The client gives up so long after it began: on gRPC it cancels the call, on the web door its connection breaks. */
  readonly cutMs: number | null;
  readonly todo: T;
}

export type Door = "grpc" | "web";

export type Todo =
  | {
      readonly kind: "send";
      /** Undefined: `default`. */
      readonly app?: App;
      readonly identifier: number;
      readonly requester: number;
      readonly register: boolean;
      readonly key: KeySlot;
    }
  | { readonly kind: "resend"; readonly challenge: number; readonly requester: number; readonly key: KeySlot }
  | {
      readonly kind: "verify";
      readonly challenge: number;
      readonly wrong: number | null;
      readonly requester: number;
      readonly key: KeySlot;
    }
  | { readonly kind: "refresh"; readonly session: number; readonly back: number; readonly key: KeySlot }
  | { readonly kind: "use" | "list" | "revokeOthers" | "deleteUser"; readonly session: number }
  | { readonly kind: "revokeToken"; readonly session: number; readonly token: "access" | "refresh" }
  | { readonly kind: "revokeSession"; readonly session: number; readonly target: number }
  | PeopleTodo;

/** Calls about one thing with one number share an idempotency key. */
export type KeySlot = number | null;

export const workersMax = 8;
const stepsMax = 40;

/** Mostly the first, so that workers meet. */
const index = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.nat(3) });
const requester = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(2) });
const key = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, { weight: 2, arbitrary: fc.nat(1) });
const ofSession = { session: index };

const todos = {
  send: fc.record({
    kind: fc.constant("send" as const),
    identifier: index,
    requester,
    register: fc.boolean(),
    key,
  }),
  /** To one identifier from everywhere. */
  flood: fc.record({
    kind: fc.constant("send" as const),
    identifier: fc.constant(0),
    requester: fc.nat(9),
    register: fc.boolean(),
    key,
  }),
  /** To one identifier from one place, for one purpose. */
  rush: fc.record({
    kind: fc.constant("send" as const),
    identifier: fc.constant(0),
    requester: fc.constant(0),
    register: fc.constant(false),
    key: fc.constant(null),
  }),
  resend: fc.record({ kind: fc.constant("resend" as const), challenge: index, requester, key }),
  right: fc.record({ kind: fc.constant("verify" as const), challenge: index, wrong: fc.constant(null), requester, key }),
  wrong: fc.record({
    kind: fc.constant("verify" as const),
    challenge: index,
    wrong: fc.nat(9),
    requester,
    key: fc.constant(null),
  }),
  /** At all challenges of an identifier from one place. */
  wrongAnywhere: fc.record({
    kind: fc.constant("verify" as const),
    challenge: fc.nat(5),
    wrong: fc.nat(9),
    requester: fc.constant(0),
    key: fc.constant(null),
  }),
  /** At all challenges of an identifier from everywhere. */
  wrongEverywhere: fc.record({
    kind: fc.constant("verify" as const),
    challenge: fc.nat(5),
    wrong: fc.nat(9),
    requester: fc.nat(9),
    key: fc.constant(null),
  }),
  refresh: fc.record({ kind: fc.constant("refresh" as const), ...ofSession, back: index, key }),
  use: fc.record({ kind: fc.constantFrom("use" as const, "list" as const), ...ofSession }),
  revokeToken: fc.record({
    kind: fc.constant("revokeToken" as const),
    ...ofSession,
    token: fc.constantFrom("access" as const, "refresh" as const),
  }),
  revokeSession: fc.record({ kind: fc.constant("revokeSession" as const), ...ofSession, target: index }),
  endMany: fc.record({ kind: fc.constantFrom("revokeOthers" as const, "deleteUser" as const), ...ofSession }),
} satisfies Record<string, fc.Arbitrary<Todo>>;

type Weights = Partial<Record<keyof typeof todos, number>>;

interface Theme {
  readonly weights: Weights;
  /** How many identifiers there are at most; 2 by default. */
  readonly identifiersMax?: number;
  readonly sessionsMax: number;
  readonly challengesMax: number;
}

/** Each history is about something, for races are met where many workers do the same thing. */
const themes: readonly Theme[] = [
  { weights: { right: 5, wrong: 2, resend: 1, send: 1, use: 1, endMany: 1 }, sessionsMax: 1, challengesMax: 2 },
  { weights: { wrong: 8, right: 1 }, sessionsMax: 0, challengesMax: 2 },
  { weights: { wrongAnywhere: 12, right: 1 }, identifiersMax: 1, sessionsMax: 0, challengesMax: 3 },
  { weights: { wrongEverywhere: 1 }, identifiersMax: 1, sessionsMax: 0, challengesMax: 6 },
  { weights: { refresh: 8, use: 2, revokeToken: 1 }, sessionsMax: 2, challengesMax: 0 },
  {
    weights: { use: 4, refresh: 3, revokeToken: 1, revokeSession: 2, endMany: 1, right: 1 },
    sessionsMax: 3,
    challengesMax: 1,
  },
  { weights: { send: 6, resend: 3, right: 1 }, sessionsMax: 0, challengesMax: 2 },
  { weights: { flood: 12, right: 1 }, identifiersMax: 1, sessionsMax: 0, challengesMax: 0 },
  { weights: { rush: 12, wrong: 1 }, identifiersMax: 1, sessionsMax: 0, challengesMax: 0 },
  {
    weights: { send: 2, resend: 1, right: 3, wrong: 3, refresh: 3, use: 2, revokeToken: 1, revokeSession: 1, endMany: 1 },
    sessionsMax: 2,
    challengesMax: 2,
  },
];

/** Plans of histories against so many processes; one in fifty kills one of them. */
export function planArbitrary(processes: number): fc.Arbitrary<Plan> {
  return fc.constantFrom(...themes).chain(({ weights, identifiersMax = 2, sessionsMax, challengesMax }) =>
    fc.record({
      prelude: fc.record({
        identifiers: fc.integer({ min: 1, max: identifiersMax }),
        sessions: fc.integer({ min: Math.min(sessionsMax, 1), max: sessionsMax }),
        challenges: fc.integer({ min: Math.min(challengesMax, 1), max: challengesMax }),
      }),
      steps: fc.array(stepArbitrary(processes, todoArbitrary(weights)), { minLength: 1, maxLength: stepsMax, size: "max" }),
      kill: killArbitrary(processes),
    }),
  );
}

export function killArbitrary(processes: number): fc.Arbitrary<Plan["kill"]> {
  const kill = fc.record({ process: fc.nat(processes - 1), afterMs: fc.nat(60) });
  return fc.oneof({ weight: 49, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: kill });
}

function todoArbitrary(weights: Weights): fc.Arbitrary<Todo> {
  const weighted = Object.entries(weights).map(([name, weight]) => ({ weight, arbitrary: todos[name as keyof typeof todos] }));
  return fc.oneof(...weighted) as fc.Arbitrary<Todo>;
}

export function stepArbitrary(processes: number, todo: fc.Arbitrary<Todo>): fc.Arbitrary<Step> {
  return fc.record({
    worker: fc.nat(workersMax - 1),
    process: fc.nat(processes - 1),
    door: fc.constantFrom<Door>("grpc", "web"),
    waitMs: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(15) }),
    cutMs: fc.oneof({ weight: 14, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(12) }),
    todo,
  });
}

/** What histories are about. */
export const subjects = ["sessions", "people"] as const;
export type Subject = (typeof subjects)[number];

/** Every fourth history is about contacts and memberships, the others about codes and sessions. */
export function subjectOf(seed: number): Subject {
  return seed % 4 === 3 ? "people" : "sessions";
}

export function plansOf(seed: number, processes: number): fc.Arbitrary<Plan> {
  return subjectOf(seed) === "people" ? peoplePlans(processes) : planArbitrary(processes);
}
