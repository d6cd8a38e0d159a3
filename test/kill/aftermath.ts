import { type Act, newKey, redeem, refresh, use } from "./acts.js";
import { guessesOf, type Load, openChallenge, perform } from "./load.js";
import { hasLostSend, type Person } from "./people.js";
import { attemptsMax, isDeleted, toldOfChallenge, toldOfSession } from "./told.js";

/** Asks again, at `servers`, for what got no answer. Gives how many acts there were. */
export async function settleLost(load: Load, servers: readonly Load[]): Promise<number> {
  const lost = load.lost.splice(0);
  for (const { person, act } of lost) {
    const again = act.again();
    if (again === null) person.busy = false;
    else await perform(load.random.pick(servers)!, person, again);
  }
  return lost.length;
}

/** As many as the callers of the load: what is audited is what was promised, not how much a server bears that has just started. */
const auditorsMax = 24;

const endedReasons = ["TOKEN_INVALID", "SESSION_ENDED"];

/**
 * Asks for all sessions of people who acted since the last look and of some others, and tries spent codes again, each at any of the
 * servers; the answers are for the invariants to judge. Gives the number of sessions.
 */
export async function audit(servers: readonly Load[]): Promise<number> {
  const { people, random } = servers[0]!;
  const idle = people.all.filter(({ busy }) => !busy);
  const chosen = idle.filter(({ touched }) => touched || random.chance(50 / idle.length));
  const queue = [...chosen];
  async function ask(): Promise<void> {
    for (let person = queue.pop(); person !== undefined; person = queue.pop()) {
      for (const act of questions(person)) await perform(random.pick(servers)!, person, act);
    }
  }
  await Promise.all(Array.from({ length: auditorsMax }, ask));
  return chosen.reduce((sum, { world }) => sum + world.sessions.length, 0);
}

/** Live sessions answer and refresh; ended ones must do neither. */
function* questions(person: Person): Generator<Act> {
  const { world, recorder } = person;
  for (const { session } of world.sessions) {
    const { state } = toldOfSession(recorder.calls, session);
    if (state === "unknown") continue;
    const allowed = state === "ended" ? endedReasons : [];
    yield { ...use(person, session), allowed };
    yield { ...refresh(person, session, { key: newKey(), times: 1 }), allowed };
  }
  const spent = world.challenges.findLast(({ challenge }) => toldOfChallenge(recorder.calls, challenge).state === "redeemed");
  if (spent !== undefined && !isDeleted(recorder.calls)) {
    yield { ...redeem(person, spent.challenge, [newKey()]), allowed: ["CODE_INVALID"], mustWin: false };
  }
}

/** Codes that nobody has used are still good at each of the servers, unless the guesses were spent. */
export async function redeemAll(servers: readonly Load[]): Promise<void> {
  const { people, random } = servers[0]!;
  for (const person of people.all.filter(({ recorder }) => !hasLostSend(recorder.calls))) {
    const challenge = openChallenge(person);
    if (challenge === undefined || guessesOf(person) > 8) continue;
    if (!person.codes.has(challenge)) people.violations.push(`${person.email} never got a code`);
    else await perform(random.pick(servers)!, person, redeem(person, challenge, [newKey()]));
  }
}

/** What a run consisted of. */
export function figuresOf({ people }: Load): Readonly<Record<string, number>> {
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const { all, mails, brokenSends } = people;
  const told = all.flatMap((person) =>
    person.world.challenges.map(({ challenge }) => {
      const copies = mails.filter(({ to, code }) => to === person.email && code === person.codes.get(challenge)).length;
      return { copies, ...toldOfChallenge(person.recorder.calls, challenge) };
    }),
  );
  const states = all.flatMap(({ world, recorder }) =>
    world.sessions.map(({ session }) => toldOfSession(recorder.calls, session).state),
  );
  return {
    brokenSends: sum([...brokenSends.values()].map(({ size }) => size)),
    people: all.length,
    calls: sum(all.map(({ recorder }) => recorder.calls.length)),
    deleted: all.filter(({ recorder }) => isDeleted(recorder.calls)).length,
    challenges: told.length,
    exhausted: told.filter(({ attempts }) => attempts.min === attemptsMax).length,
    sessions: states.length,
    ended: states.filter((state) => state === "ended").length,
    mails: mails.length,
    duplicates: sum(told.map(({ copies, sends }) => Math.max(copies - sends.max, 0))),
  };
}
