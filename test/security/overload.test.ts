import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CodeHasher } from "../../src/crypto/code-hash.js";
import { createHashQueue, type HashQueue } from "../../src/crypto/hash-queue.js";
import type { CodeHash } from "../../src/model/challenge.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { bearer, refusalOf, refused, signIn, together, wrongCode } from "../support/calls.js";
import { clientOf, testDatabases, urlOf } from "../support/postgres.js";

describe("more hashes than the machine can do", () => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ LATCHKEY_CODE_HASH: "owasp" });
  });
  afterEach(() => on.stop());

  it("are refused as OVERLOADED with the time to wait, spend nothing, and leave the session's calls alone", async () => {
    const { tokens } = await signIn(on, "inside@example.com");
    const send = (n: number) =>
      on.auth.sendOtp({ identifier: { case: "email", value: `flood${n}@example.com` }, createUserIfMissing: true });
    const flood = Promise.allSettled(Array.from({ length: 120 }, (_, n) => send(n)));
    const refreshed = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    expect(refreshed.tokens!.sessionId).toBe(tokens.sessionId);

    const settled = await flood;
    const refusals = settled.flatMap((one, n) => (one.status === "rejected" ? [{ n, ...refusalOf(one.reason) }] : []));
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(120);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: "ResourceExhausted", reason: "OVERLOADED" });
      expect(refusal.retryAfterMs).toBeGreaterThan(0);
    }
    // No cooldown was begun for somebody who was turned away.
    expect((await send(refusals[0]!.n)).challenge).toBeDefined();
  });
});

describe("PostgreSQL", () => {
  const databases = testDatabases();

  it("that a user floods with changes of their own serves all others, and is no outage to health", async () => {
    const location = await databases.create();
    const on = await startTestApp({ LATCHKEY_DATABASE_URL: urlOf(location) });
    const flooder = await signIn(on, "flooder@example.com");
    const bystander = await signIn(on, "bystander@example.com");
    const holder = await clientOf(location);
    await holder.query("BEGIN");
    await holder.query("SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE", [flooder.user!.userId]);

    const change = { displayName: "Ada", updateMask: { paths: ["display_name"] } };
    const update = () => on.auth.updateCurrentUser(change, bearer(flooder.tokens.accessToken));
    let ended = false;
    const flood = together(40, update).finally(() => {
      ended = true;
    });
    while (!ended) {
      await Promise.all(Array.from({ length: 5 }, () => on.auth.getCurrentUser({}, bearer(bystander.tokens.accessToken))));
      expect((await fetch(`http://127.0.0.1:${on.app.httpPort}/readyz`)).status).toBe(200);
    }
    expect((await flood).reasons).toEqual({ UNAVAILABLE: 40 });
    await holder.end();
    expect((await update()).user!.displayName).toBe("Ada");
    expect(on.log.lines.filter(({ message }) => message.includes("the database can"))).toEqual([]);
    await on.stop();
  });
});

describe.each(["SQLite", "PostgreSQL"])("a guess on %s", (engine) => {
  const databases = testDatabases();
  const caller = new AbortController();
  setMaxListeners(0, caller.signal);
  let queue: HashQueue;
  let compared: number;
  let location: PostgresLocation | undefined;
  let on: TestApp;

  beforeEach(async () => {
    queue = createHashQueue(1);
    compared = 0;
    location = engine === "PostgreSQL" ? await databases.create() : undefined;
    on = await startTestApp(location && { LATCHKEY_DATABASE_URL: urlOf(location) }, { codes: plainHasher() });
  });
  afterEach(() => on.stop());

  /** Slots and their queue are real; instead of a hash the code itself is kept. */
  function plainHasher(): CodeHasher {
    const tagOf = (code: string) => Buffer.alloc(32, code);
    const hash = async (code: string): Promise<CodeHash> => {
      return { profile: "fast", pepperId: "1", salt: Buffer.alloc(16), tag: tagOf(code) };
    };
    const matches = async (code: string, stored: CodeHash) => {
      compared += 1;
      return tagOf(code).equals(stored.tag);
    };
    return {
      waiting: queue.waiting,
      withSlot: (who, work) => queue.send(who, () => work({ hash })),
      withPlace: (who, work) =>
        queue.verify(who, (place) => work({ matches: (code, _, stored) => place.run(() => matches(code, stored)) })),
    };
  }

  async function sendCode(to = "a@example.com") {
    const identifier = { case: "email", value: to } as const;
    return await on.messageOf((await on.auth.sendOtp({ identifier, createUserIfMissing: true })).challenge);
  }

  const attemptsOf = async (id: string) => (await on.app.core.deps.store.challenges.find(id))!.attempts;

  /** Takes slots until it is called. */
  function takeSlots(count: number): () => Promise<void> {
    let end = (): void => {};
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const holders = Array.from({ length: count }, () => queue.verify(caller, (place) => place.run(() => ended)));
    return async () => {
      end();
      await Promise.all(holders);
    };
  }

  it("that finds the queue full is refused as OVERLOADED and has spent no attempt", async () => {
    const { challengeId, code } = await sendCode();
    const giveBack = takeSlots(65);
    expect(await refused(on.auth.verifyOtp({ challengeId, code }))).toMatchObject({ reason: "OVERLOADED" });
    expect(await attemptsOf(challengeId)).toBe(0);
    await giveBack();
    expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });

  it("has spent an attempt if it got a place, and none if it was refused as OVERLOADED, of 100 at once", async () => {
    const sent = [];
    for (let n = 0; n < 100; n += 1) sent.push(await sendCode(`n${n}@example.com`));
    const giveBack = takeSlots(1);
    let answered = 0;
    const guesses = Promise.all(
      sent.map(async ({ challengeId, code }) => {
        const { reason } = await refused(on.auth.verifyOtp({ challengeId, code: wrongCode(code) }));
        answered += 1;
        return { challengeId, code, reason, attempts: await attemptsOf(challengeId) };
      }),
    );
    await eventually("a full queue and a refusal", async () => (queue.waiting() === 64 && answered > 0 ? true : undefined));
    await giveBack();
    const ended = await guesses;
    const overloaded = ended.filter(({ reason }) => reason === "OVERLOADED");
    expect(ended.filter(({ reason, attempts }) => attempts !== (reason === "OVERLOADED" ? 0 : 1))).toEqual([]);
    expect([overloaded.length > 0, compared]).toEqual([true, 100 - overloaded.length]);
    for (const { challengeId, code } of overloaded.slice(0, 5)) {
      expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
    }
  });

  it("whose caller goes away while it waits for a slot has spent its attempt and is never compared", async () => {
    const { challengeId, code } = await sendCode();
    const giveBack = takeSlots(1);
    const gone = new AbortController();
    const guess = on.auth.verifyOtp({ challengeId, code }, { signal: gone.signal });
    await eventually("the guess waits", async () => (queue.waiting() === 1 ? true : undefined));
    gone.abort();
    expect(await refused(guess)).toMatchObject({ code: "Canceled" });
    await eventually("the guess has left", async () => (queue.waiting() === 0 ? true : undefined));
    await giveBack();
    expect([await attemptsOf(challengeId), compared]).toEqual([1, 0]);
    expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });

  it.runIf(engine === "PostgreSQL")("takes no slot while it waits for the database", async () => {
    const { challengeId, code } = await sendCode();
    const holder = await clientOf(location!);
    await holder.query("BEGIN");
    await holder.query("SELECT 1 FROM challenges WHERE challenge_id = $1 FOR UPDATE", [challengeId]);
    const guess = on.auth.verifyOtp({ challengeId, code });
    await eventually("the guess waits for the row", async () => {
      const { rowCount } = await holder.query("SELECT 1 FROM pg_locks WHERE NOT granted");
      return rowCount === 0 ? undefined : true;
    });
    expect((await signIn(on, "bystander@example.com")).tokens).toBeDefined();
    await holder.query("COMMIT");
    await holder.end();
    expect((await guess).tokens).toBeDefined();
  });
});
