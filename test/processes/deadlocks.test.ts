import { expect, it } from "vitest";
import type { Challenge } from "../../src/model/challenge.js";
import type { Session } from "../../src/model/session.js";
import { openStore } from "../../src/store/open.js";
import type { BudgetCharge } from "../../src/store/port/budgets.js";
import type { Store } from "../../src/store/port/store.js";
import { functionName } from "../../src/store/postgres/functions/set.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import {
  appId,
  attemptOf,
  bytes,
  chargeOf,
  done,
  email,
  guardOf,
  issueOf,
  minute,
  newChallenge,
  newUser,
  phone,
  poolId,
  putOff,
  redemptionOf,
  rotationOf,
  t0,
  times,
  unique,
} from "../store/contract/fixtures.js";
import { newMember, shop } from "../store/contract/member-fixtures.js";
import { eventually } from "../support/app.js";
import { clientOf, query, testDatabases } from "../support/postgres.js";

const databases = testDatabases();
const contacts = [email(), phone(), email()];
const names = ["ada", "bob", null];
const apps = [{ poolId, appId }, shop];

/** What the operations can come to, locks of every kind among them. */
const allOutcomes = [
  "send issued",
  "send replayed",
  "resend resent",
  "resend refused",
  "attempt taken",
  "attempt refused",
  "cancel",
  "approve",
  "not ended",
  "spend",
  "redeem redeemed",
  "redeem refused",
  "deliver",
  "rotate rotated",
  "revoke others",
  "erase",
  "leave left",
  "leave erased",
  "create created",
  "create joined",
  "create already_member",
  "lock changed",
  "update changed",
  "update taken",
  "add contact changed",
  "add contact taken",
  "remove contact changed",
  "change contact_changed",
  "change contact_taken",
  "forgive",
  "disown challenge",
  "disown session",
  "back taken_back",
  "back taken",
  "sweep",
];

/** Does one thing or another to a few things that all others work with too, in orders of their own. */
function createMischief(stores: readonly Store[], random: () => number) {
  const challenges: Challenge[] = [];
  const sessions: Session[] = [];
  /** The challenges that were redeemed. */
  const bought: string[] = [];
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const store = (): Store => pick(stores);
  const charges = (): BudgetCharge[] => times(3, () => chargeOf(`budget ${Math.floor(random() * 6)}`, 1_000));
  /** Keys of the sends of one challenge, which those of another with its identifier share. */
  const sendReturns = [1, 2].map((kind) => ({ keyPrefix: Buffer.of(kind), ofRequester: kind === 1, holdMs: 1 }));
  const lockoutKey = () => bytes(`account ${Math.floor(random() * 3)}`);
  const now = t0 + minute;
  /** How often each operation had which outcome. */
  const outcomes = new Map<string, number>();
  const note = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);

  async function send(): Promise<void> {
    const isRegistration = random() < 0.5;
    const purpose = isRegistration ? "registration" : "login";
    const asked = isRegistration ? [contacts[0]!, contacts[1]!] : [pick(contacts)];
    if (random() < 0.5) asked.reverse();
    const made = asked.map((contact) => newChallenge({ contact, purpose, requesterKey: bytes(`requester ${random() < 0.5}`) }));
    const registration = isRegistration ? { registrationId: unique("r"), sealedProfile: bytes("profile") } : null;
    const guarded = made.map((challenge) => ({ challenge, guard: guardOf(challenge, { charges: charges() }) }));
    const idempotency = random() < 0.3 ? bytes(`call ${Math.floor(random() * 40)}`, 32) : null;
    const outcome = await store().challenges.issue({
      ...issueOf(made[0]!),
      registration,
      idempotency,
      challenges: guarded,
      now,
    });
    note(`send ${outcome.kind}`);
    if (outcome.kind !== "limited") challenges.push(...outcome.challenges);
  }
  async function redeem(): Promise<void> {
    const returns = charges().map(({ key }) => ({ key, spentAt: now }));
    const change = {
      returns,
      sendReturns,
      lockoutKey: lockoutKey(),
      sessionsMax: 2,
      now,
      newUser: newUser({ username: pick(names) }),
    };
    const { challengeId } = pick(challenges);
    const outcome = await store().challenges.redeem(redemptionOf(challengeId, change));
    note(`redeem ${outcome.kind}`);
    if (outcome.kind === "redeemed") bought.push(challengeId);
    if (outcome.kind === "redeemed" && outcome.redemption.kind === "signed_in") sessions.push(outcome.redemption.session!);
  }
  async function resend(): Promise<void> {
    const { challengeId, clientId, requesterKey } = pick(challenges);
    const { kind } = await store().challenges.resend({
      challengeId,
      clientId,
      requesterKey,
      idempotency: null,
      charges: charges(),
      now,
    });
    note(`resend ${kind}`);
  }
  async function attempt(): Promise<void> {
    const [requester, identifier, user] = charges() as [BudgetCharge, BudgetCharge, BudgetCharge];
    const userRequester = charges()[0]!;
    const lockout = { key: lockoutKey(), failuresMax: 3, durationMs: 1 };
    const change = { requester, identifier, userRequester, user, lockout, now };
    const { kind } = await store().challenges.takeAttempt(attemptOf(pick(challenges), change));
    note(`attempt ${kind}`);
  }
  async function decide(): Promise<void> {
    const how = random() < 0.5 ? "cancel" : "approve";
    const { challengeId } = pick(challenges);
    const why = await store().challenges.end({ challengeId, appId, how, sendReturns, now });
    note(why === null ? how : "not ended");
  }
  async function disown(): Promise<void> {
    // Few of all challenges bought a session that still lives.
    const challengeId = bought.length > 0 && random() < 0.2 ? pick(bought.slice(-10)) : pick(challenges).challengeId;
    const { endedChallenge, endedSessions } = await store().notMe.disown({ challengeId, now });
    if (endedChallenge) note("disown challenge");
    if (endedSessions > 0) note("disown session");
  }
  async function spend(): Promise<void> {
    note((await store().budgets.spend({ charges: charges(), now })) === null ? "spend" : "spend limited");
  }
  async function deliver(): Promise<void> {
    const messages = await store().outbox.claim({ now, leaseMs: 0, limit: 5 });
    await store().outbox.settle(messages.map((message) => (random() < 0.5 ? done(message) : putOff(message, now))));
    if (messages.length > 0) note("deliver");
  }
  async function end(): Promise<void> {
    const session = sessions.length === 0 ? undefined : pick(sessions.slice(-10));
    if (session === undefined) return;
    const { userId, sessionId: keepSessionId } = session;
    const [sort, how] = [random(), random()];
    if (sort < 0.2) {
      if (await store().users.erase({ userId, now: t0 })) note("erase");
    } else if (sort < 0.6) {
      // A user seldom has two sessions, so half of the calls keep none.
      const keep = how < 0.5 ? keepSessionId : unique("none");
      if ((await store().sessions.revokeOthers({ userId, appId, keepSessionId: keep, now })) > 0) note("revoke others");
    } else note(`rotate ${(await store().sessions.rotate(rotationOf(session, { now }))).kind}`);
  }
  async function create(): Promise<void> {
    const asked = [pick(contacts), pick(contacts)].map((contact) => ({ ...contact, verifiedAt: random() < 0.5 ? t0 : null }));
    // Sorted, because two lists that make the same names in different orders may wait for each other.
    const wanted = asked.map(() => pick(names)).sort();
    const members = asked.map((contact, n) => newMember({ user: { username: wanted[n]! }, contacts: [contact] }));
    for (const { kind } of await store().users.create({ ...pick(apps), members, now })) note(`create ${kind}`);
  }
  const changeIds: string[] = [];
  const notice = () => {
    const changeId = unique("change");
    changeIds.push(changeId);
    return { changeId, channel: "email", expiresAt: now + minute } as const;
  };
  async function takeBack(): Promise<void> {
    // Of most acts nothing came that could be taken back.
    for (let tries = 0; tries < 5 && changeIds.length > 0; tries += 1) {
      const [changeId] = changeIds.splice(Math.floor(random() * changeIds.length), 1);
      const outcome = await store().notMe.takeBack({ changeId: changeId!, now });
      note(`back ${outcome}`);
      if (outcome !== "unknown") return;
    }
  }
  async function administer(): Promise<void> {
    const found = await store().users.find({ ...pick(apps), key: pick(contacts) });
    const of = { appId: pick(apps).appId, userId: found?.user.userId ?? "nobody" };
    const contact = { ...pick(contacts), verifiedAt: random() < 0.5 ? t0 : null };
    const acts = [
      async () => note(`leave ${await store().users.leave({ ...of, now })}`),
      async () => note(`lock ${(await store().users.setLock({ ...of, locked: random() < 0.5, now })).kind}`),
      async () => note(`update ${(await store().users.updateMember({ ...of, username: pick(names) })).kind}`),
      async () => note(`update ${(await store().users.updateMember({ ...of, externalId: pick(names) })).kind}`),
      async () => note(`add contact ${(await store().users.addContact({ ...of, contact, primary: true, now })).kind}`),
      async () => note(`remove contact ${(await store().users.removeContact({ ...of, contact, notice: notice(), now })).kind}`),
      takeBack,
      async () => await changeContact(of.userId),
    ];
    await pick(acts)();
  }
  async function changeContact(userId: string): Promise<void> {
    const contact = pick(contacts);
    const replaces = pick(contacts.filter(({ kind }) => kind === contact.kind)).value;
    const challenge = newChallenge({ contact, purpose: "change_contact", userId, replaces });
    await store().challenges.issue({ ...issueOf(challenge), now });
    const change = redemptionOf(challenge.challengeId, { newSession: null, newMembership: null, notice: notice(), now });
    const outcome = await store().challenges.redeem(change);
    note(`change ${outcome.kind === "redeemed" ? outcome.redemption.kind : outcome.kind}`);
  }
  async function forgive(): Promise<void> {
    const [spent, failures] = [charges(), charges()].map((some) => some.map(({ key }) => key));
    await store().budgets.forgive({ spent: spent!, failures: failures!, lockouts: [lockoutKey(), lockoutKey()] });
    note("forgive");
  }
  async function sweep(): Promise<void> {
    await store().upkeep.sweep({ now, limit: 20 });
    note("sweep");
  }
  const common = [send, send, redeem, redeem, redeem, resend, attempt, decide, disown, spend, deliver, end, sweep];
  return {
    send,
    act: () => pick([...common, create, administer, administer, administer, forgive])(),
    outcomes,
  };
}

/** So many operations, up to 40 at a time, and what became of them. */
async function makeMischief(location: PostgresLocation, operations: number) {
  // A deadlock is resolved as soon as it is looked for.
  await query(location, `ALTER DATABASE ${location.database} SET deadlock_timeout = '100ms'`);
  // As of several processes: in one of them those who crowd around one row wait for each other before the database sees them.
  const stores = await Promise.all(times(4, () => openStore({ ...location, poolMax: 5 }, { inFlight: () => 0 })));
  let state = 7;
  const random = () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  const { send, act, outcomes } = createMischief(stores, random);
  const waits = watchLockWaits(location);
  const failures: unknown[] = [];
  for (const _ of times(5, Number)) await send();
  // Which session is there to be revoked depends on who won before, so on a slow machine an outcome may take longer to come up.
  const isMissing = () => allOutcomes.some((outcome) => !outcomes.has(outcome));
  for (let done = 0; done < operations || (isMissing() && done < 4 * operations); done += 40)
    await Promise.all(times(40, () => act().catch((error) => failures.push(error))));
  await Promise.all(stores.map((store) => store.close()));
  // Each connection's counts are there when it has ended.
  await eventually("the end of the store's connections", async () =>
    (await query(location, `${connections} LIMIT 1`)).length === 0 ? true : undefined,
  );
  const [counted] = await query<{ deadlocks: string }>(
    location,
    "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
  );
  return { deadlocks: Number(counted!.deadlocks), waits: await waits.stop(), outcomes, failures };
}

const connections = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'latchkey' AND datname = current_database()";

/** Looks again and again whether a connection of the store waits for another's lock. */
function watchLockWaits(location: PostgresLocation): { stop(): Promise<number> } {
  let running = true;
  const watching = (async () => {
    const client = await clientOf(location);
    let seen = 0;
    while (running) seen += (await client.query(`${connections} AND wait_event_type = 'Lock'`)).rowCount ?? 0;
    await client.end();
    return seen;
  })();
  return {
    stop() {
      running = false;
      return watching;
    },
  };
}

it("2,500 operations that get in each other's way all end well, and no two ever wait for each other", async () => {
  const { deadlocks, waits, outcomes, failures } = await makeMischief(await databases.create(), 2_500);
  expect(failures).toEqual([]);
  // They did meet, and did all that they can do.
  expect(waits).toBeGreaterThan(20);
  for (const outcome of allOutcomes) expect(outcomes.get(outcome) ?? 0, outcome).toBeGreaterThan(0);
  // A deadlock would be retried and not be seen by callers; the server counts it all the same.
  expect(deadlocks).toBe(0);
}, 60_000);

it("were one lock taken in an order of its own, they would be found waiting for each other", async () => {
  const location = await databases.create();
  const name = functionName("budget_charges");
  const [row] = await query<{ made: string }>(location, `SELECT pg_get_functiondef('${name}'::regproc) AS made`);
  // Every second connection goes through the budgets from the last to the first.
  const order = "ORDER BY CASE WHEN pg_backend_pid() % 2 = 0 THEN key END DESC NULLS LAST, key";
  const reversed = row!.made.replace(/\$function\$\s*$/, `${order} $$function$$`);
  expect(reversed).toContain(order);
  await query(location, reversed);
  const { deadlocks } = await makeMischief(location, 1_600);
  expect(deadlocks).toBeGreaterThan(0);
}, 60_000);
