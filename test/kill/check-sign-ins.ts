import { reasonOf } from "../serve/sign-in.js";
import type { Loaded, SignedIn, SignIns } from "./sign-ins.js";

type Ask = <Row>(sql: string, values: readonly unknown[]) => Promise<Row[]>;

/** What in the database contradicts what callers were told, a sentence each. */
export async function checkStored(ask: Ask, { signedIn: all, refused, boughtTwice }: SignIns): Promise<string[]> {
  // As callers knew it before the database is asked: they may go on.
  const signedIn = all.map((one) => ({ ...one }));
  const violations = boughtTwice.map((id) => `challenge ${id} bought two sessions`);
  const idsOf = async (sql: string, ids: readonly string[]) =>
    new Set((await ask<{ id: string }>(sql, [ids])).map(({ id }) => id));
  const users = await idsOf(
    "SELECT user_id AS id FROM users WHERE user_id = ANY ($1)",
    signedIn.map(({ userId }) => userId),
  );
  const consumed = await idsOf(
    "SELECT challenge_id AS id FROM challenges WHERE consumed_at IS NOT NULL AND challenge_id = ANY ($1)",
    signedIn.map(({ challengeId }) => challengeId),
  );
  const sessions = await ask<{ id: string; user: string; generation: number }>(
    `SELECT session_id AS id, user_id AS user, generation::int FROM sessions WHERE user_id = ANY ($1)`,
    [[...users]],
  );
  const generations = new Map(sessions.map(({ id, generation }) => [id, generation]));
  for (const { challengeId, userId, sessionId, rotations, state } of signedIn) {
    const generation = generations.get(sessionId);
    if (!users.has(userId)) violations.push(`user ${userId} is lost`);
    if (!consumed.has(challengeId)) violations.push(`challenge ${challengeId} was redeemed and is not consumed`);
    if (state === "revoked" && generation !== undefined) violations.push(`session ${sessionId} was revoked and is there`);
    if (state !== "left alone") continue;
    if (generation === undefined) violations.push(`session ${sessionId} is lost`);
    else if (generation < rotations) violations.push(`session ${sessionId}: generation ${generation}, not ${rotations}`);
  }
  // Every user signed in once.
  const counts = new Map<string, number>();
  for (const { user } of sessions) counts.set(user, (counts.get(user) ?? 0) + 1);
  for (const [user, count] of counts) if (count > 1) violations.push(`user ${user} has ${count} sessions`);
  const kept = await idsOf("SELECT challenge_id AS id FROM challenges WHERE challenge_id = ANY ($1)", refused);
  return [...violations, ...[...kept].map((id) => `challenge ${id} is stored, and its code was refused`)];
}

const askersMax = 8;

/** What servers answer that contradicts what callers were told: spent codes and ended sessions are refused, live sessions go on. */
export async function checkShown(servers: readonly Loaded[], signedIn: readonly SignedIn[]): Promise<string[]> {
  const violations: string[] = [];
  const queue = signedIn.filter(({ state }) => state !== "in use").entries();
  async function ask(): Promise<void> {
    for (const [n, one] of queue) {
      const { grpc } = servers[n % servers.length]!.server;
      const { challengeId, code, sessionId, refreshToken, state } = one;
      const again = await reasonOf(grpc.verifyOtp({ challengeId, code }));
      if (again !== "CODE_INVALID") violations.push(`challenge ${challengeId}, once more: ${again ?? "bought"}`);
      const renewal = grpc.refreshToken({ refreshToken }).then(({ tokens }) => {
        one.refreshToken = tokens!.refreshToken;
        one.rotations += 1;
      });
      const reason = await reasonOf(renewal);
      const isRight = state === "revoked" ? reason !== null && endedReasons.includes(reason) : reason === null;
      if (!isRight) violations.push(`session ${sessionId}, ${state}: ${reason ?? "renewed"}`);
    }
  }
  await Promise.all(Array.from({ length: askersMax }, ask));
  return violations;
}

const endedReasons = ["TOKEN_INVALID", "SESSION_ENDED"];
