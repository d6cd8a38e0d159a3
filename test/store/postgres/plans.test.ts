import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { NewMembership } from "../../../src/model/user.js";
import { openStore } from "../../../src/store/open.js";
import type { Store } from "../../../src/store/port/store.js";
import type { NewMember } from "../../../src/store/port/users.js";
import { query, testDatabases } from "../../support/postgres.js";
import {
  appId,
  attemptOf,
  bytes,
  chargeOf,
  day,
  done,
  email,
  guardOf,
  hour,
  issue,
  issueOf,
  minute,
  newChallenge,
  newMembership,
  newSession,
  newUser,
  phone,
  poolId,
  putOff,
  redeem,
  redemptionOf,
  register,
  rotate,
  signIn,
  t0,
} from "../contract/fixtures.js";
import { append, endedTry, nextTry, reportOf } from "../contract/message-fixtures.js";

/** Statements that may read without a condition, each with its reason. */
const scansAllowed: readonly (readonly [statement: string, reason: string])[] = [
  ["FROM schema_migrations", "a row a migration, read at start"],
  [
    "FROM (SELECT a.app_id FROM apps a WHERE a.pool_id = p_pool_id UNION",
    "only for test identifiers; every process has all apps in memory",
  ],
  ["ORDER BY o.outbox_id DESC LIMIT $", "2,000 rows of the outbox with theirs of challenges, or fewer, when an operator looks"],
];

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly "Recheck Cond"?: string;
  readonly "Subplan Name"?: string;
  readonly Plans?: readonly Plan[];
}

interface Explained {
  readonly "Query Text": string;
  readonly Plan: Plan;
}

const tables = [
  "users",
  "contacts",
  "registrations",
  "challenges",
  "send_locks",
  "budgets",
  "outbox",
  "outbox_later",
  "idempotency",
  "sessions",
  "lockouts",
  "contact_changes",
  "memberships",
  "claims",
  "messages",
  "messages_other",
  "message_reports",
  "message_forwards",
];

/**
 * Every operation of callers, the outbox and the sweep, on the paths that they take, and those that look for the sessions of a key; not
 * those on keys, which are a handful of rows, nor the one that counts the challenges of a pepper: it reads all of them, when an operator asks.
 */
async function useEverything(store: Store): Promise<void> {
  const mac = bytes("call", 32);
  const charge = chargeOf("send", 9, hour, { stepsMs: [1], jitter: 1 });
  const [contact, other] = [email(), email()];
  const recipientOf = { identifier: contact, channel: "email", poolId, appId, trustClaims: false } as const;
  for (const round of [1, 2]) {
    const challenge = newChallenge({ contact });
    const guard = guardOf(challenge, { charges: [charge] });
    await store.challenges.prepareSend({ idempotency: bytes("new", 32), recipientOf, guards: [guard], now: t0 });
    await store.challenges.issue(issueOf(challenge, { guard, idempotency: bytes(`issue ${round}`, 32), now: t0 + round * 2 }));
  }
  await issueLater(store);
  const byUserId = {
    identifier: { kind: "user_id", value: "u1" },
    channel: "email",
    poolId,
    appId,
    trustClaims: false,
  } as const;
  await store.challenges.prepareSend({ idempotency: null, recipientOf: byUserId, guards: [], now: t0 });
  const otherChannel = { identifier: contact, channel: "sms", poolId, appId, trustClaims: false } as const;
  await store.challenges.prepareSend({ idempotency: null, recipientOf: otherChannel, guards: [], now: t0 });
  const username = {
    identifier: { kind: "username", value: "ada" },
    channel: "email",
    poolId,
    appId,
    trustClaims: false,
  } as const;
  await store.challenges.prepareSend({ idempotency: null, recipientOf: username, guards: [], now: t0 });
  const challenge = await issue(store, { contact, requesterKey: bytes("another") }, { idempotency: mac });
  const { challengeId, clientId, requesterKey } = challenge;
  await store.challenges.resend({
    challengeId,
    clientId,
    requesterKey,
    idempotency: null,
    charges: [charge],
    now: t0 + minute,
  });
  await store.challenges.find(challengeId);
  await store.challenges.findLimit({ charges: [charge], now: t0 });
  const { identifierKey, purpose } = challenge;
  await store.challenges.findNewest({ clientId, identifierKey, requesterKey, purpose, now: t0 });
  for (const durationMs of [minute, minute, minute]) {
    await store.challenges.takeAttempt(attemptOf(challenge, { lockout: { key: charge.key, failuresMax: 2, durationMs } }));
  }
  await store.challenges.findLockout({ key: charge.key, now: t0 });
  await store.budgets.spend({ charges: [charge], now: t0 });
  const returns = [{ key: charge.key, spentAt: t0 + 2, holdUntil: t0 + 3 }];
  const { user, session } = await redeem(store, challengeId, { idempotency: bytes("redeem", 32), returns });
  await store.challenges.findRedemption({ idempotency: bytes("redeem", 32), now: t0 });
  const another = await issue(store, { contact });
  const noSession = bytes("without a session", 32);
  await store.challenges.redeem(
    redemptionOf(another.challengeId, { newSession: null, lockoutKey: charge.key, idempotency: noSession }),
  );
  await store.challenges.findRedemption({ idempotency: noSession, now: t0 });
  for (const how of ["approve", "cancel"] as const) {
    const [ended] = await register(store, [email()]);
    const sendReturns = [{ keyPrefix: bytes("prefix"), ofRequester: false }];
    await store.challenges.end({ challengeId: ended!.challengeId, appId, how, sendReturns, now: t0 });
  }
  const [disowned] = await register(store, [email()]);
  await store.notMe.disown({ challengeId: disowned!.challengeId, now: t0 });
  const [first, second] = await register(store, [other, phone()]);
  await store.challenges.redeem(redemptionOf(first!.challengeId));
  await redeem(store, second!.challengeId);
  await signIn(store, contact, { sessionsMax: 1 });
  await rotate(store, session);
  const again = await signIn(store, contact);
  await rotate(store, again.session);
  await rotate(store, again.session);
  const credentialHash = bytes("credential", 32);
  const kept = await signIn(store, contact, { newSession: newSession({ credentialHash }) });
  await store.sessions.findByCredential({ credentialHash, now: t0 });
  await store.sessions.findByFamily({ family: session.family, now: t0 });
  await store.sessions.touch({ sessionId: kept.session.sessionId, idleExpiresAt: t0 + 10 * day, now: t0 });
  await store.sessions.findLive({ sessionId: again.session.sessionId, now: t0 });
  await store.sessions.list({ userId: user.userId, appId, now: t0 });
  await store.sessions.revokeOthers({ userId: user.userId, appId, keepSessionId: again.session.sessionId, now: t0 });
  await store.sessions.revoke({ sessionId: "nothing", userId: user.userId, appId, now: t0 });
  await store.sessions.revokeFamily({ family: bytes("nothing"), clientId, now: t0 });
  await store.users.update({ appId, userId: user.userId, displayName: "Ada" });
  const messages = await store.outbox.claim({ now: t0 + hour, leaseMs: minute, limit: 10 });
  await store.outbox.settle(messages.map((message, index) => (index === 0 ? putOff(message, t0) : done(message))));
  await store.outbox.nextDueAt();
  await useMessages(store, user.userId);
  await store.users.erase({ userId: user.userId, now: t0 });
  await store.upkeep.sweep({ now: t0 - 300 * day, limit: 10 });
  await store.upkeep.ping();
}

/** A code that goes again over other channels, unless a hidden charge refuses it. */
async function issueLater(store: Store): Promise<void> {
  for (const max of [1, 0]) {
    const challenge = newChallenge({ contact: phone() });
    const guard = { ...guardOf(challenge), hidden: [chargeOf(`prefix ${max}`, max)] };
    const later = [{ channel: "voice", dueAt: t0 + minute }] as const;
    await store.challenges.issue({ ...issueOf(challenge), challenges: [{ challenge, guard, later }] });
  }
}

/** What happens to every message, and what operators look at. */
async function useMessages(store: Store, userId: string): Promise<void> {
  const [sent, early] = [endedTry({ providerMessageId: "id", message: { userId } }), endedTry()];
  await store.messages.report([reportOf(early)]);
  await append(store, sent, early);
  await append(store, nextTry(sent, { ended: { endedAt: t0 + 1 } }));
  await store.messages.report([reportOf(sent), reportOf(sent, { reference: null, providerMessageId: "id" })], new Set([appId]));
  await useForwards(store);
  await store.messages.get({ messageId: sent.messageId, appId });
  await store.messages.list({ filter: { userId }, before: null, limit: 10 });
  await store.messages.list({ filter: { contactKey: sent.contactKey }, before: sent.messageId, limit: 10 });
  const rest = { appId, status: "failed", provider: "one", from: 0, to: day } as const;
  for (const whose of [{}, { userId }, { contactKey: sent.contactKey }]) {
    await store.messages.list({ filter: { ...whose, ...rest }, before: sent.messageId, limit: 10 });
  }
  await store.messages.stats({ appId, from: 0, to: day, before: sent.messageId });
  await store.messages.joinRedemptions({ now: t0 + day, limit: 10 });
  await store.messages.sweep({ now: Date.now(), before: 1, limit: 10 });
  const { challengeId } = await issue(store, { contact: phone() });
  await append(store, endedTry({ message: { challengeId } }));
  await store.routes.judge({ now: t0 + 5 * minute, limit: 10 });
}

async function useForwards(store: Store): Promise<void> {
  const lapsing = endedTry({ status: "queued" });
  await append(store, lapsing);
  const lapsed = { provider: "", result: "temporary", endedAt: t0, detail: "" } as const;
  await store.outbox.settle(
    [{ ...done({ outboxId: lapsing.messageId, tries: 0 }), ended: endedTry({ status: "failed" }), lapsed }],
    new Set([appId]),
  );
  const claim = { apps: [{ appId, max: 4 }], now: t0 + day, leaseMs: minute, limit: 16 };
  const changes = await store.forwards.claim(claim);
  await store.forwards.settle(changes.map((change, index) => ({ ...change, retryAt: index === 0 ? t0 : null })));
  await store.forwards.sweep({ before: t0, limit: 10 });
}

/** The same for people and their memberships. */
async function usePeople(store: Store): Promise<void> {
  const [verified, claim, next] = [email(), phone(), email()];
  const member = (number: number | null, changes: Partial<NewMembership> = {}): NewMember => ({
    user: { ...newUser(), number },
    contacts: [
      { ...email(), verifiedAt: t0 },
      { ...phone(), verifiedAt: null },
    ],
    membership: newMembership(changes),
  });
  const ada = { ...member(null, { externalId: "ada", state: "invited" }) };
  const contacts = [
    { ...verified, verifiedAt: t0 },
    { ...claim, verifiedAt: null },
  ];
  const { userId } = ada.user;
  const here = { poolId, appId };
  const members = [{ ...ada, contacts }, member(1_000_000), member(null)];
  for (const place of [here, here, { poolId, appId: "shop" }]) await store.users.create({ ...place, members, now: t0 });
  const keys = [
    verified,
    claim,
    { kind: "user_id", value: userId },
    { kind: "username", value: "ada" },
    { kind: "external_id", value: "ada" },
    { kind: "number", value: 1_000_000 },
  ] as const;
  for (const key of keys) await store.users.find({ ...here, key });
  for (const field of ["username", "email", "phone"] as const) {
    for (const after of ["", '["a","u1"]']) {
      await store.users.list({ ...here, prefix: { field, text: "a" }, after, limit: 10 });
    }
  }
  await store.users.list({ ...here, prefix: null, after: "", limit: 10 });
  const recipientOf = { identifier: claim, channel: "sms", poolId, appId } as const;
  for (const trustClaims of [true, false]) {
    await store.challenges.prepareSend({
      idempotency: null,
      recipientOf: { ...recipientOf, trustClaims },
      guards: [],
      now: t0,
    });
    const proof = await issue(store, { contact: claim });
    await store.challenges.find(proof.challengeId, trustClaims);
    await store.challenges.redeem(redemptionOf(proof.challengeId, { trustClaims, newMembership: null }));
  }
  await store.challenges.claimHook({ challengeId: (await issue(store)).challengeId, claimMs: 0, now: t0 });
  const change = await issue(store, { purpose: "change_contact", contact: next, userId, replaces: verified.value });
  await store.challenges.redeem(redemptionOf(change.challengeId, { newSession: null, newMembership: null }));
  const profile = { username: "ada", displayName: "Ada", externalId: "a", roles: ["admin"] };
  await store.users.updateMember({ appId, userId, ...profile });
  for (const verifiedAt of [null, t0]) {
    const contact = { ...claim, verifiedAt };
    await store.users.addContact({ appId, userId, contact, primary: true, now: t0 });
  }
  const notice = { changeId: "change", channel: "email", expiresAt: t0 + day } as const;
  await store.users.removeContact({ appId, userId, contact: next, notice, now: t0 });
  await store.outbox.claim({ now: t0, leaseMs: 0, limit: 10 });
  await store.notMe.takeBack({ changeId: notice.changeId, now: t0 });
  for (const locked of [true, false]) await store.users.setLock({ appId, userId, locked, now: t0 });
  const keysOfBudgets = [bytes("a"), bytes("b")];
  await store.budgets.countFailures({ keys: keysOfBudgets, now: t0 });
  await store.budgets.forgive({ spent: keysOfBudgets, failures: keysOfBudgets, lockouts: keysOfBudgets });
  await store.users.leave({ appId, userId, now: t0 });
  await store.users.leave({ appId: "shop", userId, now: t0 });
  await useTests(store);
}

/** The first sign-in and registration of a test account, and the next ones. */
async function useTests(store: Store): Promise<void> {
  const contacts = [email(), phone()];
  for (const _ of [1, 2]) {
    await store.users.findTestHolder({ poolId, appId, contact: contacts[0]! });
    const test = await issue(store, { contact: contacts[0]!, isTest: true });
    await redeem(store, test.challengeId);
    for (const { challengeId } of await register(store, contacts, { isTest: true })) {
      await store.challenges.redeem(redemptionOf(challengeId));
    }
  }
}

const databases = testDatabases();

describe.each(["empty", "filled and analysed"])("on %s tables", (state) => {
  const explained: Explained[] = [];
  let store: Store;

  beforeAll(async () => {
    const location = await databases.create();
    if (state !== "empty") for (const sql of fill) await query(location, sql);
    // Every session of the database explains what it runs, statements inside functions too, in notices to its client.
    const settings = { log_min_duration: "0", log_nested_statements: "on", log_format: "json", log_level: "notice" };
    for (const [name, value] of Object.entries(settings)) {
      await query(location, `LOAD 'auto_explain'; ALTER DATABASE ${location.database} SET auto_explain.${name} = '${value}'`);
    }
    await query(location, `ALTER DATABASE ${location.database} SET session_preload_libraries = 'auto_explain'`);
    const connect = pg.Client.prototype.connect as (...values: unknown[]) => unknown;
    const spy = vi.spyOn(pg.Client.prototype, "connect").mockImplementation(function (this: pg.Client, ...values: unknown[]) {
      this.on("notice", ({ message = "" }) => {
        const json = /plan:\n([\s\S]*)/.exec(message)?.[1];
        if (json !== undefined) explained.push(JSON.parse(json) as Explained);
      });
      return connect.apply(this, values) as never;
    });
    store = await openStore(location, { inFlight: () => 0 });
    await useEverything(store);
    await usePeople(store);
    await store.keys.countUses({ use: "master", keyId: "k", now: t0 });
    await store.keys.revokeSessions({ keyId: "k", now: t0, limit: 10 });
    spy.mockRestore();
  });
  afterAll(() => store.close());

  it("statements of operations and in functions were looked at", () => {
    const texts = new Set(explained.map((one) => one["Query Text"]));
    expect(texts.size).toBeGreaterThan(130);
    for (const table of tables) expect([...texts].some((text) => text.includes(table))).toBe(true);
  });

  it("every hot statement finds its rows by a condition on an index", () => {
    const scanning = explained.filter(({ Plan }) => nodesOf(Plan).some(readsAll)).map((one) => one["Query Text"]);
    expect([...new Set(scanning)].filter((text) => !scansAllowed.some(([statement]) => text.includes(statement)))).toEqual([]);
  });

  it("the sessions of a key are found by the index of keys", () => {
    const found = explained.filter((one) => one["Query Text"].includes("FROM sessions s WHERE s.key_id = $1"));
    expect(found).toHaveLength(2);
    for (const { Plan } of found) {
      const names = nodesOf(Plan).flatMap((node) => node["Index Name"] ?? []);
      expect(names).toEqual(["sessions_by_key"]);
    }
  });

  it("lists and statistics look at a limited number of messages, in the order of an index of whom they are about", () => {
    const walks = explained.filter((one) => /WITH walk AS MATERIALIZED \(SELECT m\..* LIMIT \$\d+\)/s.test(one["Query Text"]));
    expect(walks.length).toBeGreaterThan(4);
    for (const { "Query Text": text, Plan } of walks) {
      const walk = nodesOf(Plan).find((node) => node["Subplan Name"] === "CTE walk")!;
      expect(walk["Node Type"], text).toBe("Limit");
      const nodes = nodesOf(walk);
      expect(
        nodes.filter((node) => node["Node Type"].includes("Sort")),
        text,
      ).toEqual([]);
      for (const node of nodes.filter((one) => one["Index Name"] !== undefined)) {
        expect(node["Index Cond"], text).toMatch(
          /\b(app_id|user_id|contact_key) >= .*ROW\(\w+, message_id\) < ROW|message_id = /,
        );
      }
    }
  });
});

/** The column of an index without which a condition on it fits very many rows: all of an app or a pool. */
const tellingColumns: Readonly<Record<string, string>> = {
  claims_pkey: "value",
  contacts_pkey: "value",
  memberships_pkey: "user_id",
  memberships_by_number: "number",
  memberships_by_external_id: "external_id",
  users_by_username: "username",
};

function nodesOf(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** Whether a node of a plan reads a table or an index from end to end, or all of an app or a pool. */
function readsAll(node: Plan): boolean {
  if (node["Node Type"] === "Seq Scan") return tables.includes(node["Relation Name"]!);
  if (!node["Node Type"].endsWith("Scan") || node["Index Name"] === undefined) return false;
  return node["Index Cond"]?.includes(tellingColumns[node["Index Name"]] ?? "") !== true;
}

/** Rows as they come in numbers: many users and budgets, half of the challenges over, most codes erased. */
const rows = "generate_series(1, 4000) AS i";
const random = (length: number) => `decode(substr(md5(i::text) || md5((i + 7)::text), 1, ${2 * length}), 'hex')`;
const fill = [
  `INSERT INTO users SELECT 'u' || i, 'name' || i, '', 'en', '', i, 'main' FROM ${rows}`,
  `INSERT INTO contacts SELECT CASE WHEN i % 3 > 0 THEN 'email' ELSE 'phone' END, 'value' || i, 'u' || i, i, 'main', i
     FROM ${rows}`,
  `INSERT INTO claims SELECT CASE WHEN i % 4 > 0 THEN 'default' ELSE 'shop' END, CASE WHEN i % 3 > 0 THEN 'phone' ELSE 'email' END,
     'claimed' || i / 2, 'u' || i, i FROM ${rows}`,
  `INSERT INTO memberships SELECT CASE WHEN i % 4 > 0 THEN 'default' ELSE 'shop' END, 'u' || i, i, '[]', '', '',
     CASE WHEN i % 5 = 0 THEN 'e' || i END, '', 'otp', 'active', i FROM ${rows}`,
  `INSERT INTO registrations SELECT 'r' || i, ${random(32)}, i * 1000 FROM ${rows} WHERE i % 10 = 0`,
  `INSERT INTO challenges SELECT 'c' || i, 'client', 'login', 'email', ${random(16)}, ${random(16)}, 'email', 'value' || i,
     CASE WHEN i % 2 > 0 THEN 'u' || i END, false, CASE WHEN i % 10 = 0 THEN 'r' || i END, '', 'en', 6, 'fast', 'p', ${random(16)},
     ${random(32)}, CASE WHEN i % 8 = 0 THEN ${random(32)} END, 0, 5, 1, 5, '{}', '{}', i * 1000, i * 1000 + 300000, 0,
     CASE WHEN i % 2 > 0 THEN i END, NULL, 'main', 'default', NULL, NULL, ${random(16)} FROM ${rows}`,
  `INSERT INTO send_locks SELECT ${random(20)}, i FROM ${rows}`,
  `INSERT INTO budgets SELECT ${random(17)}, '{1,2,3}', 0, i * 1000 FROM ${rows}`,
  `INSERT INTO lockouts SELECT ${random(17)}, 1, 0, i * 1000 FROM ${rows}`,
  `INSERT INTO outbox (challenge_id, due_at, queued_at, muted) SELECT 'c' || i, i * 1000, i * 1000, i % 3 = 0 FROM ${rows}
    WHERE i % 20 = 0`,
  `INSERT INTO outbox_later (outbox_id, challenge_id, due_at, tries, carrier, unknowns, queued_at, muted)
    SELECT 1000000 + i, 'c' || i, i * 1000, 1, 0, 0, i * 1000, i % 3 = 0 FROM ${rows} WHERE i % 20 = 1`,
  `INSERT INTO contact_changes SELECT 'change' || i, 'main', 'default', 'u' || i, 'email', 'removed' || i, 'en', i % 2 > 0, i, i, i * 1000
     FROM ${rows}`,
  `INSERT INTO messages SELECT i, i * 1000, 'ref' || i, CASE WHEN i % 4 > 0 THEN 'default' ELSE 'shop' END, 'u' || i, 'c' || i, 'login',
     'sms', '', ${random(32)}, 'SE', 'one', 'pm' || i, 'sent', '', '[]', 1, NULL, NULL, i, NULL, NULL, i % 8 = 0 FROM ${rows}`,
  `INSERT INTO message_reports SELECT 'one', 'ref-' || i, 'pm-' || i, 'delivered', '', NULL, NULL, NULL, i FROM ${rows}`,
  `INSERT INTO message_forwards (message_id, status, app_id, cause, changed_at, due_at, tries)
    SELECT i, 'delivered', CASE WHEN i % 4 > 0 THEN 'default' ELSE 'shop' END, '', i, i, 1 FROM ${rows}`,
  `INSERT INTO idempotency (mac, kind, challenge_ids, expires_at) SELECT ${random(32)}, 'challenges', ARRAY['c' || i], i * 1000 FROM ${rows}`,
  `INSERT INTO sessions SELECT 's' || i, ${random(16)}, 'k', 'u' || (i % 1500), 'client', 0, NULL, '', '', 'sms', i, i, i * 2000,
     i * 3000, i * 2000, CASE WHEN i % 4 > 0 THEN 'default' ELSE 'shop' END, CASE WHEN i % 5 = 0 THEN ${random(32)} END
     FROM ${rows}`,
  "ANALYZE",
];
