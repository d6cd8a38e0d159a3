import {
  type Act,
  complaints,
  deleteUser,
  guessWrong,
  keyIf,
  newKey,
  redeem,
  refresh,
  resend,
  revokeOthers,
  revokeSession,
  revokeToken,
  send,
  use,
} from "./acts.js";
import { assignCodes, hasLostSend, type People, type Person } from "./people.js";
import type { Random } from "./random.js";
import { attemptsMax, mayBeDeleted, toldOfChallenge, toldOfSession } from "./told.js";

/** What the callers of one server share. */
export interface Load {
  readonly people: People;
  readonly random: Random;
  /** The number of the server. */
  readonly server: number;
  /** False as soon as calls may be lost. */
  running: boolean;
  /** True while callers begin no calls; those under way must be answered all the same. */
  resting: boolean;
  /** How long a caller waits between two calls at most. */
  thinkMsMax: number;
  readonly lost: { readonly person: Person; readonly act: Act }[];
  answered: number;
}

export function createLoad(given: Pick<Load, "people" | "random" | "server">): Load {
  return { ...given, running: false, resting: false, thinkMsMax: 0, lost: [], answered: 0 };
}

const minute = 60_000;
/** The longest that a setting allows, so that a slow run is no reason to find a code expired. */
export const codeTtlMs = 10 * minute;
export const cooldownMs = 15_000;
/** Of the first sends after one another, in multiples of the first; up to a tenth more is drawn. */
const cooldowns = [1, 2, 4, 10];

/** Below the ten an hour that the service allows, with what repetitions after a crash may add. */
const guessesMax = 5;
/** Sends of challenges that were not redeemed count against the address. */
const sendsPerPersonMax = 4;

/** Calls as `count` callers do, each one thing after the other, until `load.running` ends or `load.resting` begins. */
export async function work(load: Load, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (load.running && !load.resting) {
        const next = nextAct(load);
        if (next !== null) await perform(load, next.person, next.act);
        await new Promise((resolve) => setTimeout(resolve, load.random.between(0, load.thinkMsMax)));
      }
    }),
  );
}

/** Makes the calls of an act; a person to whom an answer was lost stays busy until that is settled. */
export async function perform(load: Load, person: Person, act: Act): Promise<void> {
  const { recorder } = person;
  Object.assign(person, { busy: true, touched: true });
  const route = { worker: 0, process: load.server, door: load.random.chance(0.5) ? "grpc" : "web", cutMs: null } as const;
  const answers = await Promise.all(act.calls.map((ready) => recorder.make(ready, route)));
  assignCodes(person);
  const { violations } = load.people;
  violations.push(...complaints(act, answers).map((what) => `${person.email}: ${what}`));
  if (answers.some((answer) => answer.kind === "unknown" && answer.reason === undefined)) {
    if (load.running) violations.push(`${person.email}: ${act.calls[0]!.kind} got no answer from a live server`);
    load.lost.push({ person, act });
    return;
  }
  load.answered += 1;
  person.busy = false;
}

interface Next {
  readonly person: Person;
  readonly act: Act;
}

/** Something that a caller could do now; null when the dice found nobody to do it. */
function nextAct(load: Load): Next | null {
  const { random, people } = load;
  const dice = random();
  if (dice < 0.14) {
    const person = people.add();
    return { person, act: send(person, purposeOf(load, 0.5), keyIf(random.chance(0.7))) };
  }
  const actDice = random();
  return pick(load, (person) => (dice < 0.62 ? actOnCodes(load, person, dice) : actOnSessions(load, person, actDice)));
}

function purposeOf({ random }: Load, registrations: number): "registration" | "login" {
  return random.chance(registrations) ? "registration" : "login";
}

function actOnCodes(load: Load, person: Person, dice: number): Act | null {
  const { random } = load;
  const challenge = openChallenge(person);
  // Only with a key: else a lost answer would leave the address with challenges that nobody knows.
  if (dice < 0.24) return challenge === undefined && maySend(person) ? send(person, purposeOf(load, 0.3), newKey()) : null;
  if (challenge === undefined) return null;
  if (dice < 0.3) return maySend(person) ? resend(person, challenge, keyIf(random.chance(0.7))) : null;
  const guesses = guessesOf(person);
  // A challenge that died before its code came could be taken for the next one.
  if (!person.codes.has(challenge) || guesses > guessesMax) return null;
  if (dice < 0.52) {
    if (guesses > 0 || random.chance(0.75)) return redeem(person, challenge, [keyIf(random.chance(0.7))]);
    const key = newKey();
    return redeem(person, challenge, random.chance(0.5) ? [key, key, key] : [key, newKey(), newKey()]);
  }
  // All attempts at once, or a few of them that leave room for the right code.
  const left = attemptsMax - toldOfChallenge(person.recorder.calls, challenge).attempts.max;
  if (guesses === 0 && random.chance(0.1)) return guessWrong(person, challenge, attemptsMax + 2);
  return left < 3 || guesses === guessesMax ? null : guessWrong(person, challenge, random.between(1, left - 2));
}

function actOnSessions({ random }: Load, person: Person, dice: number): Act | null {
  const live = liveSessions(person);
  const session = random.pick(live);
  if (session === undefined) return null;
  const other = live.find((one) => one !== session);
  if (dice < 0.5) return refresh(person, session, { key: keyIf(random.chance(0.5)), times: random.chance(0.2) ? 2 : 1 });
  if (dice < 0.7) return use(person, session);
  if (dice < 0.84) return revokeToken(person, session, random.chance(0.5) ? "access" : "refresh");
  if (dice < 0.9) return openChallenge(person) === undefined ? deleteUser(person, session) : null;
  if (other === undefined) return null;
  return dice < 0.96 ? revokeSession(person, { session, target: other }) : revokeOthers(person, session);
}

/** Somebody who is free and for whom there is something to do: a few tries, the latest more often than the early ones. */
function pick({ people: { all }, random }: Load, actFor: (person: Person) => Act | null): Next | null {
  for (let tries = 0; tries < 40; tries += 1) {
    const person = all[Math.floor(all.length * Math.sqrt(random()))];
    if (person === undefined || person.busy) continue;
    const { calls } = person.recorder;
    const act = hasLostSend(calls) || mayBeDeleted(calls) ? null : actFor(person);
    if (act !== null) return { person, act };
  }
  return null;
}

/** The challenge that can still be redeemed: callers make no second one beside it, and leave alone one that expires soon. */
export function openChallenge({ world, recorder }: Person): string | undefined {
  const since = Date.now() - (codeTtlMs - minute);
  return world.challenges.find(({ challenge }) => {
    const { state, sinceMs } = toldOfChallenge(recorder.calls, challenge);
    return state === "open" && sinceMs > since;
  })?.challenge;
}

export function liveSessions({ world, recorder }: Person): string[] {
  const live = world.sessions.filter(({ session }) => toldOfSession(recorder.calls, session).state === "live");
  return live.map(({ session }) => session);
}

/** Whether the cooldown is certainly over, and room in the allowances. */
function maySend({ world, recorder }: Person): boolean {
  const told = world.challenges.map(({ challenge }) => toldOfChallenge(recorder.calls, challenge));
  const charged = told.filter(({ state }) => state !== "redeemed").reduce((sum, { sends }) => sum + sends.max, 0);
  if (charged >= sendsPerPersonMax) return false;
  const waitMs = cooldownMs * 1.1 * cooldowns[Math.max(charged - 1, 0)]! + 500;
  return told.every(({ sentByMs }) => Date.now() > sentByMs + waitMs);
}

/** Guesses that may be counted against the address: a redemption gives back its own alone. */
export function guessesOf({ world, recorder }: Person): number {
  return world.challenges.reduce((sum, { challenge }) => {
    const { attempts, state } = toldOfChallenge(recorder.calls, challenge);
    return sum + attempts.max - (state === "redeemed" ? 1 : 0);
  }, 0);
}
