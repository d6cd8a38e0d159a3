import type { GrpcClient } from "../../src/client/grpc.js";
import { type Load, newIdempotencyKey, perform, refusalOf } from "./call.js";
import { redeem } from "./guesses.js";
import { type Ledger, openChallenge } from "./ledger.js";
import { auditSession } from "./sessions.js";

/** As many as the callers of the load: what is audited is what was promised, not how much a server bears that has just started. */
const auditorsMax = 24;

/**
 * Asks for all sessions that were used since the last time and some of the others, and tries spent codes again, each at any of the
 * servers. Gives the number of sessions.
 */
export async function audit(
  { ledger, random }: Pick<Load, "ledger" | "random">,
  servers: readonly GrpcClient[],
): Promise<number> {
  const sessions = ledger.users.flatMap((user) => user.sessions.map((session) => ({ user, session })));
  const chosen = sessions.filter(({ session }) => session.touched || random.chance(50 / sessions.length));
  const queue = [...chosen];
  async function ask(): Promise<void> {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const finding = await auditSession(next.user, next.session, random.pick(servers)!);
      if (finding !== null) ledger.violations.push(finding);
    }
  }
  await Promise.all(Array.from({ length: auditorsMax }, ask));
  const spent = ledger.users.flatMap(({ challenges }) => challenges).filter(({ state }) => state === "redeemed");
  for (const { challengeId, code } of Array.from({ length: 20 }, () => random.pick(spent)).filter((one) => one !== undefined)) {
    const again = { challengeId, code: code!, idempotencyKey: newIdempotencyKey() };
    const reason = await refusalOf(random.pick(servers)!.verifyOtp(again));
    if (reason !== "CODE_INVALID") ledger.violations.push(`challenge ${challengeId} could be redeemed again: ${reason}`);
  }
  return chosen.length;
}

/** Codes that nobody has used are still good at each of the servers, unless the guesses were spent. */
export async function redeemAll(loads: readonly Load[]): Promise<void> {
  const { ledger, random } = loads[0]!;
  for (const user of ledger.users.filter((one) => !one.abandoned)) {
    const challenge = openChallenge(user);
    if (challenge === undefined || challenge.attempts.max >= 5 || user.wrongGuesses > 8) continue;
    if (challenge.code === null) ledger.violations.push(`${user.email} never got a code`);
    else await perform(random.pick(loads)!, redeem({ ledger, user, challenge }, true));
  }
}

/** What a run consisted of. */
export function figuresOf(ledger: Ledger): Readonly<Record<string, number>> {
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const copies = new Map<string, number>();
  for (const { to, code } of ledger.mails) copies.set(`${to} ${code}`, (copies.get(`${to} ${code}`) ?? 0) + 1);
  const challenges = ledger.users.flatMap((user) => user.challenges.map((challenge) => ({ user, challenge })));
  const surplus = challenges.map(({ user, challenge }) =>
    Math.max((copies.get(`${user.email} ${challenge.code}`) ?? 0) - challenge.sends.max, 0),
  );
  return {
    brokenSends: sum([...ledger.brokenSends.values()].map(({ size }) => size)),
    users: ledger.users.length,
    deleted: ledger.users.filter(({ deleted }) => deleted).length,
    challenges: challenges.length,
    sessions: sum(ledger.users.map(({ sessions }) => sessions.length)),
    ended: sum(ledger.users.map(({ sessions }) => sessions.filter(({ state }) => state === "ended").length)),
    mails: ledger.mails.length,
    duplicates: sum(surplus),
    mostCopiesTooMany: Math.max(...surplus),
  };
}
