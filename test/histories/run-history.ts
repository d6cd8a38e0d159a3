import { type Codes, createCodes } from "./codes.js";
import type { Fleet } from "./fleet.js";
import type { Actions, App, History, Limits } from "./history.js";
import { type Plan, type Step, type Todo, workersMax } from "./plan.js";
import { probePeople } from "./probe-people.js";
import { anyRequester, type Ready } from "./ready.js";
import { createRecorder, type Recorder, type Route } from "./recorder.js";
import { resolve, resolveAgain, resolveSignIn } from "./resolve.js";
import { createWorld, type World } from "./world.js";

export interface RunDeps {
  readonly fleet: Fleet;
  readonly limits: Limits;
  /** Tells the identifiers of this run from those of others on the same database. */
  readonly run: string;
  /** Wrong guesses that servers say they compared, by challenge; this history takes its own out. */
  readonly mismatches: Map<string, number>;
}

/** Numbers in the record for who is not one of the racing workers. */
const preparer = workersMax;
const prober = workersMax + 1;
const firstCodeWaitMs = 2_000;
/** Each of these costs a hash. */
const probedChallengesMax = 4;

/** Carries out a plan and gives the record. */
export async function runHistory(plan: Plan, deps: RunDeps): Promise<History> {
  const { fleet, limits } = deps;
  const world = createWorld(deps.run, plan.prelude.identifiers);
  const recorder = createRecorder(world, (process) => fleet.processes[process]!);
  const codes = createCodes(fleet);
  const stage: Stage = { plan, fleet, world, recorder, codes };
  await prepare(stage);
  const killing = plan.kill === null ? null : kill(fleet, plan.kill);
  await Promise.all(Array.from({ length: workersMax }, (_, worker) => work(stage, worker)));
  if (killing !== null) await (await killing)();
  await probe(stage);
  return { calls: recorder.calls, mismatches: takeOut(deps.mismatches, world), limits };
}

export interface Stage {
  readonly plan: Plan;
  readonly fleet: Fleet;
  readonly world: World;
  readonly recorder: Recorder;
  readonly codes: Codes;
}

/**
 * Signs in so many sessions and leaves so many challenges open, as far as the servers let it. Sessions are in the first app until
 * every identifier has one, then in the second.
 */
async function prepare(stage: Stage): Promise<void> {
  const { plan, fleet, world, recorder, codes } = stage;
  const { sessions, challenges, people } = plan.prelude;
  const routeOf = (n: number): Route => ({
    worker: preparer,
    process: n % fleet.processes.length,
    door: "grpc",
    cutMs: null,
  });
  const again = async (todo: Todo, n: number): Promise<void> => {
    const ready = await resolve(todo, world, codes);
    if (ready !== null) await recorder.make(ready, routeOf(n));
  };
  // A requester of its own each, so that no cooldown is in the way.
  const send = async (n: number, app: App = "default"): Promise<void> => {
    const requester = `203.0.113.${100 + n}`;
    const purpose = n % 2 === 1 ? "registration" : "login";
    const action = {
      app,
      identifier: world.identifiers[n % world.identifiers.length]!,
      requester,
      purpose,
      key: null,
    } as const;
    await recorder.make({ kind: "send", action, secrets: {}, requester, app }, routeOf(n));
  };
  for (let n = 0; n < (people?.claims ?? 0); n += 1) {
    await again({ kind: "create", app: "default", contact: n, verified: false }, n);
  }
  // Each claims the contact of the next one as well.
  for (let n = 0; n < (people?.claims ?? 0); n += 1) {
    await again({ kind: "addContact", member: n, contact: n + 1, verified: false }, n);
  }
  // One after the other: a sign-in ends what else could sign in to its account.
  for (let n = 0; n < sessions; n += 1) {
    const isSecond = people !== undefined && Math.floor(n / world.identifiers.length) % 2 === 1;
    await send(n, isSecond ? "other" : "default");
    for (const known of world.challenges.splice(0)) {
      const { challenge, identifier } = known;
      await codes.of(challenge, identifier, firstCodeWaitMs);
      const action = { challenge, right: true, requester: anyRequester, key: world.keyOf("sign-in", n) };
      const ready = resolveSignIn(action, known.app, codes);
      if (ready !== null) await recorder.make(ready, routeOf(n));
    }
  }
  for (let n = 0; n < (people?.changes ?? 0); n += 1) {
    await again({ kind: "startChange", session: n, contact: n + 1, replaces: n % 2 === 0 ? null : n }, n);
  }
  for (let n = 0; n < (people?.invites ?? 0); n += 1) await again({ kind: "invite", app: "default", contact: n }, n);
  await Promise.all(Array.from({ length: challenges }, (_, n) => send(10 + n)));
  const sent = [
    ...world.challenges.map((one) => ({ ...one, to: one.identifier })),
    ...world.changes.map((one) => ({ ...one, to: one.contact })),
  ];
  await Promise.all(sent.map(({ challenge, to }) => codes.of(challenge, to, firstCodeWaitMs)));
}

async function work({ plan, world, recorder, codes }: Stage, worker: number): Promise<void> {
  for (const step of plan.steps.filter((one) => one.worker === worker)) {
    if (step.waitMs > 0) await new Promise((resolve) => setTimeout(resolve, step.waitMs));
    const ready = await resolve(step.todo, world, codes);
    if (ready !== null) await recorder.make(ready, routeOfStep(step));
  }
}

function routeOfStep({ worker, process, door, cutMs }: Step): Route {
  return { worker, process, door, cutMs };
}

/** Gives how to start the process again, once it is dead. */
async function kill(fleet: Fleet, { process, afterMs }: NonNullable<Plan["kill"]>): Promise<() => Promise<void>> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  await fleet.processes[process]!.kill();
  return () => fleet.restart(process);
}

/**
 * Asks every process for every session, and tries every code, keyed sign-in and newest token once more: what has ended must be seen to
 * have ended, and what was answered to be kept.
 */
async function probe(stage: Stage): Promise<void> {
  const { fleet, world, recorder, codes } = stage;
  const make = (ready: Ready | null, process: number) => {
    const route: Route = { worker: prober, process: process % fleet.processes.length, door: "grpc", cutMs: null };
    return ready === null ? null : recorder.make(ready, route);
  };
  const again = async (todo: Todo, process: number) => make(await resolve(todo, world, codes), process);
  await Promise.all(
    world.sessions.flatMap((_, n) => fleet.processes.map((_p, process) => again({ kind: "use", session: n }, process))),
  );
  const { people } = stage.plan.prelude;
  if (people !== undefined) await probePeople(world, again);
  const signIns = keyedSignIns(recorder);
  const repeat = async () => {
    await Promise.all(signIns.map((action, n) => make(resolveAgain(action, world, codes), n)));
  };
  await repeat();
  await Promise.all(world.sessions.map((_, session) => again({ kind: "refresh", session, back: 0, key: null }, session)));
  const open = world.challenges.slice(0, probedChallengesMax);
  await Promise.all([
    repeat(),
    ...open.map((_, challenge) => again({ kind: "verify", challenge, wrong: null, requester: 0, key: null }, challenge)),
    ...world.changes.map((_, change) => again({ kind: "proveChange", change, session: null }, change)),
  ]);
  if (people !== undefined) await probePeople(world, again);
}

/** Right guesses with an idempotency key that were told of a session, each once. */
function keyedSignIns({ calls }: Recorder): Actions["verify"][] {
  const told = calls.flatMap((call) => (call.kind === "verify" && call.answer.kind === "ok" ? [call.action] : []));
  const byName = new Map(told.filter(({ key }) => key !== null).map((action) => [`${action.challenge} ${action.key}`, action]));
  return [...byName.values()];
}

function takeOut(mismatches: Map<string, number>, { challenges }: World): Map<string, number> {
  const own = new Map<string, number>();
  for (const { challenge } of challenges) {
    const count = mismatches.get(challenge);
    if (count !== undefined) own.set(challenge, count);
  }
  mismatches.clear();
  return own;
}
