import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Database } from "better-sqlite3";
import { beforeEach, describe, expect, it } from "vitest";
import type { NewChallenge } from "../../src/model/challenge.js";
import { judgedAfterMs, unverifiedMax } from "../../src/model/route-health.js";
import { noWording } from "../../src/model/wording.js";
import { abortMove, type MoveStep, moveStore, type Reached } from "../../src/store/move/move.js";
import { movedTables, toTargetRow } from "../../src/store/move/tables.js";
import { nameOf, openStore } from "../../src/store/open.js";
import { StoreMovedError } from "../../src/store/port/errors.js";
import type { Store } from "../../src/store/port/store.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { withMoveTarget } from "../../src/store/postgres/move-in.js";
import { connect } from "../../src/store/sqlite/connect.js";
import { clearMoving, markMoving } from "../../src/store/sqlite/move-mark.js";
import { migrations } from "../../src/store/sqlite/schema.js";
import { openDatabase } from "../../src/store/sqlite/sqlite.js";
import { query, testDatabases } from "../support/postgres.js";
import { newApp, newClient, newSecret } from "./contract/directory-fixtures.js";
import {
  appId,
  attemptOf,
  bytes,
  chargeOf,
  day,
  done,
  email,
  endedTry,
  guardOf,
  issue,
  issueOf,
  minute,
  newChallenge,
  newSession,
  phone,
  putOff,
  redeem,
  redemptionOf,
  register,
  rotate,
  second,
  signIn,
  t0,
  times,
  unique,
} from "./contract/fixtures.js";
import { append, endedTry as tryTo } from "./contract/message-fixtures.js";
import { tempDir } from "./temp-dir.js";

const directory = tempDir();
const databases = testDatabases();

let path: string;
let target: PostgresLocation;

beforeEach(async () => {
  path = join(directory, `${unique("move")}.db`);
  target = await databases.create();
});

const judgedAt = t0 + judgedAfterMs;

const open = () => openStore({ kind: "sqlite", path }, { inFlight: () => 0 });

/** Runs `work` on an opened store and closes it. */
async function using<T>(location: PostgresLocation | null, work: (store: Store) => Promise<T>): Promise<T> {
  const store = location === null ? await open() : await openStore(location, { inFlight: () => 0 });
  return await work(store).finally(() => store.close());
}

/** Every kind of row that there is. */
async function fill(store: Store) {
  const key = {
    keyId: "k1",
    use: "signing",
    alg: "ES256",
    publicJwk: "{}",
    sealed: bytes("key"),
    createdAt: t0,
    activeAt: t0,
  } as const;
  await store.keys.add({ key });
  await store.keys.addCheck({ use: "pepper", keyId: "1", check: bytes("check", 32) });
  const client = newClient({ kind: "confidential", aliases: ["alias"], verifyByIdentifier: true, isDefault: true });
  await store.apps.createApp({ app: newApp({ appId: "gone", poolId: "people", displayName: "Zero \0" }), now: t0 });
  await store.apps.deleteApp({ appId: "gone", now: t0 });
  await store.apps.createClient({ client, secret: newSecret() });
  await store.apps.changeApp({
    appId: "default",
    apply: (app) => ({
      ...app,
      displayName: "Ada \\0 \0",
      policy: { codeLength: 8 },
      wording: { ...noWording, senderName: "Ada \\0 \0", senderIds: ["Ada"] },
      routing: [
        { channel: "sms", countries: ["SE"], prefixes: ["+4917"], carriers: [{ name: "one", weight: 1 }], senders: ["Ada"] },
      ],
      workflows: [{ channel: "sms", steps: [{ channel: "voice", afterMs: minute }] }],
      testIdentifiers: [{ pattern: "+1555010*", code: "123456", endsAt: t0 + day }],
    }),
  });
  await store.apps.useAssertion({ clientId: client.clientId, jti: "jti", expiresAt: t0 + minute });
  const [registered] = await register(store, [email(), phone()]);
  const charges = [chargeOf("send", 9, 60 * minute, { stepsMs: [30 * second], jitter: 1 })];
  const live = await issue(store, {}, { charges, idempotency: bytes("issue", 32) });
  const { challengeId, clientId } = live;
  const requesterKey = bytes("another requester");
  await store.challenges.resend({ challengeId, clientId, requesterKey, idempotency: null, charges: [], now: t0 + minute });
  const { session, user } = await signIn(store);
  await store.users.update({ appId, userId: user.userId, displayName: "Ada \\0 \0 Łovelace" });
  const member = { appId, userId: user.userId };
  const words = {
    kind: "Kind \\0 \0",
    ownerOrganization: "Ward \0",
    externalId: "p \0",
    roles: ["a \0"],
    appAttributes: '{"a":1}',
  };
  await store.users.updateMember({ ...member, ...words });
  await store.users.addContact({ ...member, contact: { ...phone(), verifiedAt: null }, primary: false, now: t0 });
  const removed = { ...phone(), verifiedAt: t0 };
  await store.users.addContact({ ...member, contact: removed, primary: false, now: t0 });
  const notice = { changeId: "change", channel: "sms", expiresAt: t0 + 60 * minute } as const;
  await store.users.removeContact({ ...member, contact: removed, notice, now: t0 });
  await rotate(store, session, { idempotency: bytes("rotation", 32), now: t0 + minute });
  const proved = await issue(store);
  await redeem(store, proved.challengeId, { idempotency: bytes("redeem", 32) });
  const guess = attemptOf(live, { lockout: { key: bytes("account"), failuresMax: 1, durationMs: 60 * minute } });
  await store.challenges.takeAttempt(guess);
  const other = { poolId: "bank", appId: "bank" };
  const { challengeId: otherId, contact: shared } = await issue(store, {
    contact: { kind: "email", value: user.contacts[0]!.value },
    ...other,
  });
  const credentialHash = bytes("credential", 32);
  await redeem(store, otherId, { newSession: newSession({ appId: "bank", credentialHash }) });
  const without = await issue(store, { contact: shared, ...other });
  const change = redemptionOf(without.challengeId, { newSession: null, idempotency: bytes("no session", 32) });
  await store.challenges.redeem(change);
  const [tried] = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 1 });
  await store.outbox.settle([{ ...putOff(tried!, t0 + 60 * minute), ended: endedTry(tried!, "carrier", "temporary") }]);
  const failed = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 1 });
  const refused = failed.map((one) => ({ ...endedTry(one, "carrier", "temporary"), status: "failed" as const }));
  await store.outbox.settle(
    failed.map((one, index) => ({ ...done(one), ended: refused[index]! })),
    new Set([appId]),
  );
  const early = { provider: "carrier", reference: "early", providerMessageId: null, status: "sent", cause: "" } as const;
  await store.messages.report([{ ...early, segments: 1, price: { amount: "0.01", currency: "EUR" }, reportedAt: t0 }]);
  await fillRoutes(store);
  const muted = await fillWaiting(store);
  return { live, registered: registered!, session, user, contact: shared!, removed, proved, muted };
}

/** A route that fails, and one that an unverified message speaks against. */
async function fillRoutes(store: Store): Promise<void> {
  const countries = [...times(unverifiedMax, () => "SE"), "DE"];
  for (const [n, country] of countries.entries()) {
    const { challengeId } = await issue(store, { contact: phone(), requesterKey: bytes(`network ${n}`) });
    await append(store, tryTo({ message: { challengeId, country }, ended: { endedAt: t0 } }));
  }
  await store.routes.judge({ now: judgedAt, limit: 100 });
}

/** Messages with words that are to fail, one of them later, and one that goes to a test identifier. */
async function fillWaiting(store: Store): Promise<NewChallenge> {
  const muted = newChallenge({ contact: phone(), words: { customMessage: "{otp} \\0 \0", senderId: "Ada" } });
  const guard = { ...guardOf(muted), hidden: [chargeOf("prefix", 0)] };
  const later = [{ channel: "voice", dueAt: t0 + 2 * minute }] as const;
  await store.challenges.issue({ ...issueOf(muted), challenges: [{ challenge: muted, guard, later }] });
  await issue(store, { contact: phone(), isTest: true });
  return muted;
}

/** What `fill` has made, as the port shows it. */
async function look(store: Store, { live, registered, session, user, contact }: Awaited<ReturnType<typeof fill>>) {
  const now = t0 + minute;
  const recipientIn = (poolId: string) =>
    store.challenges.prepareSend({
      idempotency: null,
      recipientOf: { identifier: contact, channel: "email", poolId, appId, trustClaims: false },
      guards: [],
      now,
    });
  return {
    keys: await store.keys.list(),
    checks: await store.keys.listChecks(),
    directory: await store.apps.changesSince(0),
    live: await store.challenges.find(live.challengeId),
    registered: await store.challenges.find(registered.challengeId),
    session: await store.sessions.findLive({ sessionId: session.sessionId, now }),
    sessions: await store.sessions.list({ userId: user.userId, appId, now }),
    replay: await rotate(store, session, { idempotency: bytes("rotation", 32), now: t0 + 60 * minute }),
    issued: await store.challenges.prepareSend({ idempotency: bytes("issue", 32), recipientOf: null, guards: [], now }),
    redeemed: await store.challenges.findRedemption({ idempotency: bytes("redeem", 32), now }),
    withoutSession: await store.challenges.findRedemption({ idempotency: bytes("no session", 32), now }),
    recipients: [await recipientIn("main"), await recipientIn("bank")],
    credential: await store.sessions.findByCredential({ credentialHash: bytes("credential", 32), now }),
    lockout: await store.challenges.findLockout({ key: bytes("account"), now }),
    limit: await store.challenges.findLimit({ charges: [chargeOf("send", 1)], now: t0 + second }),
    due: await store.outbox.nextDueAt(),
    routes: await store.routes.failing(),
    judged: await store.routes.judge({ now: judgedAt, limit: 100 }),
    member: await store.users.find({ poolId: "main", appId, key: { kind: "user_id", value: user.userId } }),
  };
}

/** Gives each column that has only blanks a value in one row. */
function fillColumns(db: Database): void {
  const values: Readonly<Record<string, unknown>> = { TEXT: "text", INTEGER: 1, BLOB: bytes("bytes") };
  for (const { name: table, key } of movedTables) {
    const keys = key.join(", ");
    const columns = db
      .prepare<[], { name: string; type: string }>(`SELECT name, type FROM pragma_table_info('${table}')`)
      .all();
    for (const { name, type } of columns) {
      const isFilled = db.prepare(`SELECT 1 FROM ${table} WHERE "${name}" NOT IN (0, '', '[]', '{}')`).get() !== undefined;
      const fillOne = `UPDATE ${table} SET "${name}" = ? WHERE (${keys}) = (SELECT ${keys} FROM ${table} LIMIT 1)`;
      if (!isFilled) expect(db.prepare(fillOne).run(values[type]).changes, `${table}.${name}`).toBe(1);
    }
  }
}

const defined = (row: object) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined));

/** The sentence of a move that must be refused. */
async function refusal(act: () => Promise<unknown>): Promise<string> {
  return await act().then(
    () => "not refused",
    (error: unknown) => (error as Error).message,
  );
}

const move = (to = target, reached: Reached = () => {}) => moveStore({ path }, to, reached);

class Interrupted extends Error {}

/** Moves until the step is reached, and no further. */
async function interruptAt(wanted: (step: MoveStep) => boolean): Promise<void> {
  const interrupted = move(target, (step) => {
    if (wanted(step)) throw new Interrupted();
  });
  await expect(interrupted).rejects.toBeInstanceOf(Interrupted);
}

const boundaries: readonly (readonly [string, (step: MoveStep) => boolean])[] = [
  ["the source is marked", ({ kind }) => kind === "source marked"],
  ["the target is marked", ({ kind }) => kind === "target marked"],
  ["the source is moved and the target not complete", ({ kind }) => kind === "source moved"],
];

describe("a move", () => {
  it("brings everything that the port shows, texts and limits included", async () => {
    const filled = await using(null, fill);
    const before = await using(null, (store) => look(store, filled));
    const { counts } = await move();
    expect(counts!.map(({ table }) => table)).toEqual(movedTables.map(({ name }) => name));
    for (const { source, target: arrived } of counts!) expect([arrived, source > 0]).toEqual([source, true]);
    const { withoutSession, recipients, credential, lockout, routes } = before;
    expect([withoutSession, ...recipients, credential, lockout]).not.toContain(null);
    expect(routes).toHaveLength(1);
    expect(await using(target, (store) => look(store, filled))).toEqual(before);
  });

  it("leaves a database that goes on: a code is redeemed, a token is spent once, the next message gets a new number", async () => {
    const { live, session } = await using(null, fill);
    await move();
    await using(target, async (store) => {
      await redeem(store, live.challengeId, { newSession: newSession(), now: t0 + 2 * minute });
      expect(await rotate(store, session, { generation: 1 })).toMatchObject({ kind: "rotated" });
      expect(await rotate(store, session, { generation: 0 })).toMatchObject({ kind: "reused" });
      await issue(store);
      const { user } = await signIn(store);
      expect(user.number).toBeGreaterThan(3);
    });
  });

  it("keeps which waiting messages are to fail, with their words, and which are tests", async () => {
    const challenge = await using(null, fillWaiting);
    await move();
    await using(target, async (store) => {
      const messages = await store.outbox.claim({ now: t0 + 2 * minute, leaseMs: minute, limit: 10 });
      const { words } = challenge;
      expect(messages.map(({ isMuted, delivery }) => [isMuted, delivery!.channel, delivery!.words, delivery!.isTest])).toEqual([
        [true, "sms", words, false],
        [false, "sms", null, true],
        [true, "voice", words, false],
      ]);
    });
  });

  it("keeps what links of messages end and take back, and what is known about routes", async () => {
    const { proved, removed, user } = await using(null, fill);
    await move();
    await using(target, async (store) => {
      const now = t0 + 2 * minute;
      expect(await store.notMe.disown({ challengeId: proved.challengeId, now })).toEqual({
        endedChallenge: false,
        endedSessions: 1,
      });
      expect(await store.notMe.takeBack({ changeId: "change", now })).toBe("taken_back");
      const found = await store.users.find({ poolId: "main", appId, key: removed });
      expect(found?.user.userId).toBe(user.userId);
      const [route] = await store.routes.failing();
      expect(await store.routes.claimProbe({ route: route!, now, nextAt: now + minute })).toBe(true);
    });
  });

  it("never gives a number of a deleted user or of a delivered message again", async () => {
    await using(null, fill);
    const [user, outboxId] = await using(null, async (store) => {
      const last = await signIn(store);
      await store.users.erase({ userId: last.user.userId, now: t0 });
      const messages = await store.outbox.claim({ now: t0 + minute, leaseMs: minute, limit: 100 });
      await store.outbox.settle(messages.map(done));
      return [last.user, Math.max(...messages.map((message) => message.outboxId))];
    });
    await move();
    await using(target, async (store) => {
      expect((await signIn(store)).user.number).toBe(user.number + 1);
      const messages = await store.outbox.claim({ now: t0 + minute, leaseMs: minute, limit: 100 });
      expect(messages.map((message) => message.outboxId)).toEqual([outboxId + 1]);
    });
  });

  it("takes every table, column and row along, with its values", async () => {
    await using(null, fill);
    const db = openDatabase(path);
    fillColumns(db);
    await move();
    const tables = db
      .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .pluck()
      .all();
    const kept = ["schema_migrations", "move", "clock_mark", "processes"];
    expect(movedTables.map(({ name }) => name).sort()).toEqual(tables.filter((name) => !kept.includes(name)).sort());
    for (const table of movedTables) {
      const order = table.key.join(", ");
      const rows = db.prepare<[], Record<string, unknown>>(`SELECT * FROM ${table.name} ORDER BY ${order}`).all();
      const sql = `SELECT to_jsonb(t) AS row FROM ${table.name} t ORDER BY ${order}`;
      const arrived = (await query<{ row: Record<string, unknown> }>(target, sql)).map(({ row }) => row);
      expect([table.name, arrived]).toEqual([table.name, rows.map((row) => defined(toTargetRow(table, row)))]);
    }
    db.close();
  });

  it("of more rows than a batch brings all of them", async () => {
    await using(null, fill);
    const db = openDatabase(path);
    db.exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4100)
      INSERT INTO contacts SELECT iif(i % 2, 'main', 'bank'), iif(i % 3, 'email', 'phone'), 'value' || i, 'u' || i, i, i FROM n`);
    db.close();
    const steps: MoveStep[] = [];
    const { counts } = await move(target, (step) => void steps.push(step));
    expect(counts!.find(({ table }) => table === "contacts")!.target).toBeGreaterThan(4_100);
    expect(steps.filter((step) => step.kind === "copied" && step.table === "contacts")).toHaveLength(3);
  });

  it("done again says that it is done", async () => {
    await using(null, fill);
    await move();
    expect((await move()).counts).toBeNull();
  });
});

describe("a move that is interrupted", () => {
  it.each(boundaries)("when %s: nobody writes to either database, and the same command finishes it", async (_, wanted) => {
    const filled = await using(null, fill);
    const before = await using(null, (store) => look(store, filled));
    await interruptAt(wanted);
    expect(await refusal(() => using(null, (store) => store.users.erase({ userId: filled.user.userId, now: t0 })))).toMatch(
      /^this database (is being|was) moved to PostgreSQL \(latchkey_test_\w+ on [\d.:]+\): /,
    );
    const [mark] = await query<{ state: string }>(target, "SELECT state FROM move");
    if (mark !== undefined) {
      expect(mark.state).toBe("filling");
      expect(await refusal(() => using(target, (store) => store.upkeep.ping()))).toContain("holds a part of a SQLite database");
    }
    await move();
    expect(await using(target, (store) => look(store, filled))).toEqual(before);
  });

  it.each(["source marked", "copied sessions", "source moved"])(
    "by kill -9 when %s: the same command finishes it",
    async (step) => {
      const filled = await using(null, fill);
      const before = await using(null, (store) => look(store, filled));
      const script = fileURLToPath(new URL("../support/killed-move.ts", import.meta.url));
      const killed = spawn(process.execPath, ["--import", "tsx", script, path, JSON.stringify(target), step]);
      expect(await once(killed, "close")).toEqual([null, "SIGKILL"]);
      expect(await refusal(() => using(null, (store) => store.upkeep.ping()))).toContain("moved to PostgreSQL");
      await move();
      expect(await using(target, (store) => look(store, filled))).toEqual(before);
    },
  );

  it("again and again, at each table, brings everything all the same", async () => {
    const filled = await using(null, fill);
    const before = await using(null, (store) => look(store, filled));
    for (const { name } of movedTables) await interruptAt((step) => step.kind === "copied" && step.table === name);
    await move();
    expect(await using(target, (store) => look(store, filled))).toEqual(before);
  });

  it("goes on behind the last row that arrived", async () => {
    await using(null, fill);
    await interruptAt((step) => step.kind === "copied" && step.table === "users");
    const copied: string[] = [];
    await move(target, (step) => {
      if (step.kind === "copied" && step.rows > 0) copied.push(step.table);
    });
    expect(copied).toEqual(
      movedTables.map(({ name }) => name).slice(1 + movedTables.findIndex(({ name }) => name === "users")),
    );
  });
});

describe("a move that is cancelled", () => {
  it("leaves the source as it was, and what arrived in the target is never gone on with", async () => {
    const { user } = await using(null, fill);
    await interruptAt((step) => step.kind === "copied" && step.table === "sessions");
    expect(abortMove({ path })).toBe(nameOf(target));
    expect(abortMove({ path })).toBeNull();
    await using(null, (store) => store.users.erase({ userId: user.userId, now: t0 }));
    expect(await refusal(() => move())).toContain("holds a part of another or a cancelled move");
    await using(null, (store) => store.upkeep.ping());
    const { counts } = await move(await databases.create());
    expect(counts!.find(({ table }) => table === "users")).toMatchObject({ source: 2, target: 2 });
  });

  it("while it runs does not become complete", async () => {
    await using(null, fill);
    const running = move(target, (step) => {
      if (step.kind === "copied" && step.table === "idempotency") abortMove({ path });
    });
    expect(await refusal(() => running)).toContain("was cancelled meanwhile");
    await using(null, (store) => store.upkeep.ping());
    expect(await refusal(() => using(target, (store) => store.upkeep.ping()))).toContain("holds a part");
  });

  it("after it was complete is refused", async () => {
    await using(null, fill);
    await move();
    expect(await refusal(async () => abortMove({ path }))).toMatch(/^the move to .* is complete and can't be cancelled/);
    expect(await refusal(() => using(null, (store) => store.upkeep.ping()))).toContain("was moved to PostgreSQL");
  });

  it("between source and target at its end is refused too: the source may be behind already", async () => {
    await using(null, fill);
    await interruptAt(({ kind }) => kind === "source moved");
    expect(await refusal(async () => abortMove({ path }))).toContain("is complete and can't be cancelled");
  });
});

describe("a server that is started on the target", () => {
  const check = { use: "pepper", keyId: "0", check: bytes("another check", 32) } as const;
  const key = {
    keyId: "another",
    use: "signing",
    alg: "ES256",
    publicJwk: "{}",
    sealed: bytes("another key"),
    createdAt: t0,
    activeAt: t0,
  } as const;

  it("just before a move is begun, makes no keys in it: the start is refused, and the move brings everything", async () => {
    const filled = await using(null, fill);
    const before = await using(null, (store) => look(store, filled));
    const starting = await openStore(target, { inFlight: () => 0 });
    await interruptAt((step) => step.kind === "target marked");
    const holdsAPart = "holds a part of a SQLite database that is being moved into it";
    await expect(starting.keys.addCheck(check)).rejects.toThrow(holdsAPart);
    await expect(starting.keys.add({ key, ifNewest: null })).rejects.toThrow(holdsAPart);
    await starting.close();
    await move();
    expect(await using(target, (store) => look(store, filled))).toEqual(before);
  });

  it("and finds all keys there, since they have arrived, is refused all the same", async () => {
    await using(null, fill);
    const starting = await openStore(target, { inFlight: () => 0 });
    await interruptAt((step) => step.kind === "copied" && step.table === "keys");
    await expect(starting.keys.listChecks()).rejects.toThrow("holds a part of a SQLite database");
    await starting.close();
  });

  it.each([
    ["a check value", (store: Store) => store.keys.addCheck(check)],
    ["a key", (store: Store) => store.keys.add({ key, ifNewest: null })],
  ])("in the very moment in which a move begins either makes %s or the move is done, and never both", async (_, add) => {
    const starting = await openStore(target, { inFlight: () => 0 });
    await withMoveTarget(target, async (into) => {
      for (let tries = 0; tries < 40; tries += 1) {
        await query(target, "TRUNCATE move, keys, key_checks");
        const beginning = into.begin({ moveId: "move", now: t0 }, movedTables);
        // A step of the beginning later each time, from before all of them to after the last.
        for (let steps = 0; steps < tries % 20; steps += 1) await starting.keys.listChecks().catch(() => {});
        const adding = refusal(() => add(starting));
        const begun = await beginning;
        expect(await adding).toContain(begun ? "holds a part" : "not refused");
      }
    });
    await starting.close();
  });
});

describe("a move is refused", () => {
  const ping = () => using(null, (store) => store.upkeep.ping());

  it("to a database that has rows, and the source stays as it was", async () => {
    await using(null, fill);
    await using(target, (store) => signIn(store));
    expect(await refusal(() => move())).toMatch(
      /^latchkey_test_\w+ on [\d.:]+ is not empty \(its table users has rows\): name an empty/,
    );
    await ping();
  });

  it("to a database of another program, which is left as it is", async () => {
    const other = await databases.createEmpty();
    await query(other, "CREATE TABLE orders (id INTEGER)");
    await using(null, fill);
    expect(await refusal(() => move(other))).toContain("has a table orders that is not Latchkey's");
    expect(await query(other, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([
      { tablename: "orders" },
    ]);
    await ping();
  });

  it("to a second database while the first is not complete, and after it", async () => {
    await using(null, fill);
    await interruptAt((step) => step.kind === "copied");
    const other = await databases.createEmpty();
    expect(await refusal(() => move(other))).toMatch(/^the database is being moved to latchkey_test_.*--abort`$/);
    await move();
    expect(await refusal(() => move(other))).toMatch(/^the database was already moved to latchkey_test_/);
    expect(await query(other, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  it("to a database that another one was moved to", async () => {
    await using(null, fill);
    await move();
    path = join(directory, `${unique("move")}.db`);
    await using(null, fill);
    expect(await refusal(() => move())).toContain("was filled by another move");
    await ping();
  });

  it("while another command is running on it", async () => {
    await using(null, fill);
    let second: Promise<string> | undefined;
    const first = move(target, (step) => {
      if (step.kind === "target marked") second = refusal(() => move());
    });
    await first;
    // It has waited for the first one, and found that there is nothing left to do.
    expect(await second).toBe("not refused");
  });

  it.each([
    ["after the table was copied", "outbox"],
    ["before the table is copied", "keys"],
  ])("when another program writes to the target %s, and after --abort the source is as it was", async (_, table) => {
    await using(null, fill);
    const running = move(target, async (step) => {
      if (step.kind !== "copied" || step.table !== table) return;
      await query(target, "INSERT INTO users VALUES ('user', 'stranger', '', 'en', '', 0, 'main', 99)");
    });
    expect(await refusal(() => running)).toMatch(/^another program writes to .* rows of users arrived instead of 3\).*--abort/);
    expect(await refusal(() => using(target, (store) => store.upkeep.ping()))).toContain("holds a part");
    abortMove({ path });
    await ping();
  });

  it("when the file is not a Latchkey database, and nothing is made in it", async () => {
    const db = connect(path);
    db.exec("CREATE TABLE orders (id INTEGER)");
    expect(await refusal(() => move())).toMatch(/is not a Latchkey database: correct LATCHKEY_DATABASE_URL$/);
    expect(abortMove({ path })).toBeNull();
    expect(db.prepare("SELECT name FROM sqlite_schema").pluck().all()).toEqual(["orders"]);
    db.close();
  });

  it("while a server of an earlier program, which knows of no mark, has the database open", async () => {
    const db = openDatabase(path);
    db.exec("CREATE TABLE schema_migrations (version INTEGER PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT");
    db.exec(migrations[0]!.sql);
    db.exec("INSERT INTO schema_migrations VALUES (1, 0)");
    expect(await refusal(() => move())).toContain("in use by an earlier version of Latchkey");
    expect(db.prepare("SELECT max(version) FROM schema_migrations").pluck().get()).toBe(1);
    db.close();
    await move();
  });
});

describe("a store whose database is marked", () => {
  it("refuses the very next write, from steps of one commit each, and answers reads until it is moved", async () => {
    const store = await open();
    const { session, user } = await fill(store);
    const find = () => store.sessions.findLive({ sessionId: session.sessionId, now: t0 + minute });
    const db = connect(path);
    db.exec("INSERT INTO move VALUES (1, 'id', 'moving', 'somewhere', 0)");
    const writes = await Promise.allSettled([
      ...times(5, () => rotate(store, session, { generation: 1 })),
      store.challenges.redeem(redemptionOf("nothing")),
      store.upkeep.ping(),
    ]);
    for (const write of writes) {
      expect(write.status).toBe("rejected");
      expect((write as PromiseRejectedResult).reason).toBeInstanceOf(StoreMovedError);
    }
    expect((await find())?.user.userId).toBe(user.userId);
    db.exec("DELETE FROM move");
    expect(await rotate(store, session, { generation: 1 })).toMatchObject({ kind: "rotated" });
    db.exec("INSERT INTO move VALUES (1, 'id', 'moved', 'somewhere', 0)");
    await expect(store.upkeep.ping()).rejects.toBeInstanceOf(StoreMovedError);
    await expect(find()).rejects.toBeInstanceOf(StoreMovedError);
    await store.close();
    db.close();
  });

  it("changes no row even for who does not look at the mark", async () => {
    await using(null, fill);
    // As a program does that prepared its statements before.
    const db = connect(path);
    const changes = movedTables.flatMap(({ name, key }) => [
      db.prepare(`UPDATE ${name} SET ${key[0]} = ${key[0]}`),
      db.prepare(`DELETE FROM ${name}`),
      db.prepare(`INSERT INTO ${name} SELECT * FROM ${name} LIMIT 1`),
    ]);
    const marked = openDatabase(path);
    markMoving(marked, { moveId: "id", target: "somewhere", markedAt: t0 });
    for (const change of changes) expect(() => change.run()).toThrow("this database is being moved to PostgreSQL, or was");
    clearMoving(marked);
    expect(db.prepare("DELETE FROM sessions").run().changes).toBe(3);
    expect(db.prepare("SELECT count(*) FROM sqlite_schema WHERE type = 'trigger'").pluck().get()).toBe(0);
    marked.close();
    db.close();
  });
});
