import { type Call, type Load, newIdempotencyKey, perform } from "./call.js";
import { guessWrong, race, redeem } from "./guesses.js";
import { addUser, attemptsMax, openChallenge, type User } from "./ledger.js";
import { resend, send } from "./sends.js";
import { deleteUser, refresh, revokeOthers, revokeSession, revokeToken, whoAmI } from "./sessions.js";

/** Below the ten an hour that the service allows, with what repetitions after a crash may add. */
const wrongGuessesMax = 5;
/** Sends of challenges that were not redeemed count against the address. */
const sendsPerUserMax = 4;

/** Calls as `count` callers do, each one thing after the other, until `load.running` ends or `load.resting` begins. */
export async function work(load: Load, count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (load.running && !load.resting) {
        const call = nextCall(load);
        if (call !== null) await perform(load, call);
        await new Promise((resolve) => setTimeout(resolve, load.random.between(0, load.thinkMsMax)));
      }
    }),
  );
}

/** Something that a caller could do now; null when the dice found nobody to do it. */
function nextCall(load: Load): Call | null {
  const { random } = load;
  const dice = random();
  if (dice < 0.14) return firstSend(load);
  if (dice < 0.24) return sendAgain(load);
  if (dice < 0.3) return resendOpen(load);
  if (dice < 0.52) return redeemOpen(load);
  if (dice < 0.62) return guess(load);
  return useSession(load, random());
}

let addresses = 0;

function firstSend({ ledger, random }: Load): Call {
  addresses += 1;
  const user = addUser(ledger, `user${addresses}@example.com`);
  return send(user, { method: random.chance(0.5) ? "register" : "send", keyed: random.chance(0.7) });
}

function sendAgain(load: Load): Call | null {
  const now = Date.now();
  const user = pickUser(
    load,
    (one) => openChallenge(one) === undefined && one.nextSendAt < now && unreturnedSends(one) < sendsPerUserMax,
  );
  // Only with a key: else a lost answer would leave the address with challenges that nobody knows.
  return user === undefined ? null : send(user, { method: load.random.chance(0.3) ? "register" : "send", keyed: true });
}

function resendOpen(load: Load): Call | null {
  const now = Date.now();
  const user = pickUser(load, (one) => {
    const challenge = openChallenge(one);
    return challenge !== undefined && challenge.resendAt < now && unreturnedSends(one) < sendsPerUserMax;
  });
  return user === undefined ? null : resend(user, openChallenge(user)!, load.random.chance(0.7));
}

function redeemOpen(load: Load): Call | null {
  const { random, ledger } = load;
  const user = pickUser(load, (one) => {
    const challenge = openChallenge(one);
    return challenge !== undefined && challenge.code !== null && one.wrongGuesses <= wrongGuessesMax;
  });
  if (user === undefined) return null;
  const target = { ledger, user, challenge: openChallenge(user)! };
  const mayRace = user.wrongGuesses === 0 && random.chance(0.25);
  if (!mayRace) return redeem(target, random.chance(0.7));
  const key = newIdempotencyKey();
  return race(target, random.chance(0.5) ? [key, key, key] : [key, newIdempotencyKey(), newIdempotencyKey()]);
}

function guess(load: Load): Call | null {
  const { random, ledger } = load;
  const user = pickUser(load, (one) => {
    // With the code at hand: a challenge that died before its code came could be taken for the next one.
    const challenge = openChallenge(one);
    return challenge !== undefined && challenge.code !== null && one.wrongGuesses < wrongGuessesMax;
  });
  if (user === undefined) return null;
  const challenge = openChallenge(user)!;
  // All attempts at once, or a few of them that leave room for the right code.
  const burst = user.wrongGuesses === 0 && random.chance(0.1);
  const left = attemptsMax - challenge.attempts.max;
  if (!burst && left < 3) return null;
  return guessWrong({ ledger, user, challenge }, burst ? attemptsMax + 2 : random.between(1, left - 2));
}

function useSession(load: Load, dice: number): Call | null {
  const { random } = load;
  const user = pickUser(load, (one) => !one.deleted && one.sessions.some(({ state }) => state === "live"));
  if (user === undefined) return null;
  const live = user.sessions.filter(({ state }) => state === "live");
  const session = random.pick(live)!;
  const other = live.find((one) => one !== session);
  if (dice < 0.5) return refresh(user, session, { keyed: random.chance(0.5), twice: random.chance(0.2) });
  if (dice < 0.7) return whoAmI(user, session);
  if (dice < 0.84) return revokeToken(user, session, random.chance(0.5) ? "accessToken" : "refreshToken");
  if (dice < 0.9 && openChallenge(user) === undefined) return deleteUser(user, session);
  if (other === undefined) return null;
  return dice < 0.96 ? revokeSession(user, { caller: session, target: other }) : revokeOthers(user, session);
}

/** Somebody who is free and fits: a few tries, the latest users more often than the early ones. */
function pickUser({ ledger, random }: Load, fits: (user: User) => boolean): User | undefined {
  const { users } = ledger;
  for (let tries = 0; tries < 40; tries += 1) {
    const at = Math.floor(users.length * Math.sqrt(random()));
    const user = users[at];
    if (user !== undefined && !user.busy && !user.abandoned && !user.deleted && fits(user)) return user;
  }
  return undefined;
}

function unreturnedSends(user: User): number {
  return user.challenges.filter(({ state }) => state !== "redeemed").reduce((sum, { sends }) => sum + sends.max, 0);
}
