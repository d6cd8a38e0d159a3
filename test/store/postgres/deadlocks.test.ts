import { expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import type { BudgetClaim, Challenge, Session, Store } from "../../../src/store/store.js";
import { query, testDatabases } from "../../support/postgres.js";
import {
  attemptOf,
  bytes,
  claimOf,
  email,
  guardOf,
  issueOf,
  minute,
  newChallenge,
  newUser,
  phone,
  redemptionOf,
  rotationOf,
  t0,
  times,
  unique,
} from "../contract/fixtures.js";

const databases = testDatabases();
const contacts = [email(), phone(), email()];
const names = ["ada", "bob", null];

/** Does one thing or another to a few things that all others work with too, in orders of their own. */
function createMischief(stores: readonly Store[], random: () => number) {
  const challenges: Challenge[] = [];
  const sessions: Session[] = [];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const store = (): Store => pick(stores);
  const claims = (): BudgetClaim[] => times(3, () => claimOf(`budget ${Math.floor(random() * 6)}`, 1_000));
  const now = t0 + minute;

  async function send(): Promise<void> {
    const isRegistration = random() < 0.5;
    const purpose = isRegistration ? "registration" : "login";
    const asked = isRegistration ? [contacts[0]!, contacts[1]!] : [pick(contacts)];
    if (random() < 0.5) asked.reverse();
    const made = asked.map((contact) => newChallenge({ contact, purpose, requesterKey: bytes(`requester ${random() < 0.5}`) }));
    const registration = isRegistration ? { registrationId: unique("r"), sealedProfile: bytes("profile") } : null;
    const guarded = made.map((challenge) => ({ challenge, guard: guardOf(challenge, { claims: claims() }) }));
    const idempotency = random() < 0.3 ? bytes(`call ${Math.floor(random() * 40)}`, 32) : null;
    const outcome = await store().issueChallenges({
      ...issueOf(made[0]!),
      registration,
      idempotency,
      challenges: guarded,
      now,
    });
    if (outcome.kind !== "limited") challenges.push(...outcome.challenges);
  }
  async function redeem(): Promise<void> {
    const returns = claims().map(({ key }) => ({ key, spentAt: now }));
    const change = { returns, sessionsMax: 2, now, newUser: newUser({ username: pick(names) }) };
    const outcome = await store().redeemChallenge(redemptionOf(pick(challenges).challengeId, change));
    if (outcome.kind === "redeemed" && outcome.redemption.kind === "signed_in") sessions.push(outcome.redemption.session);
  }
  async function resend(): Promise<void> {
    const { challengeId, clientId, requesterKey } = pick(challenges);
    await store().resendChallenge({ challengeId, clientId, requesterKey, idempotency: null, claims: claims(), now });
  }
  async function attempt(): Promise<void> {
    const [identifier, account] = claims() as [BudgetClaim, BudgetClaim];
    await store().takeAttempt(attemptOf(pick(challenges), { identifier, account, now }));
  }
  async function deliver(): Promise<void> {
    const messages = await store().claimMessages({ now, leaseMs: 0, limit: 5 });
    await store().settleMessages(messages.map((message) => ({ ...message, retryAt: random() < 0.5 ? null : now })));
  }
  async function end(): Promise<void> {
    const session = sessions.length === 0 ? undefined : pick(sessions);
    if (session === undefined) return;
    const { userId, sessionId: keepSessionId } = session;
    if (random() < 0.3) await store().deleteUser({ userId });
    else if (random() < 0.5) await store().revokeOtherSessions({ userId, keepSessionId, now });
    else await store().rotateRefreshToken(rotationOf(session, { now }));
  }
  const sweep = () => store().sweep({ now, limit: 20 });
  return { send, act: () => pick([send, send, redeem, redeem, redeem, resend, attempt, deliver, end, sweep])() };
}

it("600 operations that get in each other's way all end well, and no two ever wait for each other", async () => {
  const location = await databases.create();
  // As of several processes: in one of them those who crowd around one row wait for each other before the database sees them.
  const stores = await Promise.all(times(4, () => openStore({ ...location, poolMax: 5 }, { inFlight: () => 0 })));
  let state = 7;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const { send, act } = createMischief(stores, random);
  for (const _ of times(5, Number)) await send();
  for (const _ of times(15, Number)) await Promise.all(times(40, act));
  await Promise.all(stores.map((store) => store.close()));
  // A deadlock would be retried and not be seen by callers; the server counts it all the same.
  const [counted] = await query<{ deadlocks: string }>(
    location,
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  expect(Number(counted!.deadlocks)).toBe(0);
});
