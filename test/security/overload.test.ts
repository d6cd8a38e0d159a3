import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CodeHasher, HashSlot } from "../../src/crypto/code-hash.js";
import { createHashQueue, type HashQueue } from "../../src/crypto/hash-queue.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { bearer, refusalOf, refused, signIn, together } from "../support/calls.js";
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

describe("a guess", () => {
  const caller = new AbortController();
  let queue: HashQueue;
  let compared: number;
  let on: TestApp;

  beforeEach(async () => {
    queue = createHashQueue(1);
    compared = 0;
    on = await startTestApp({}, { codes: plainHasher() });
  });
  afterEach(() => on.stop());

  /** Slots and their queue are real; instead of a hash the code itself is kept. */
  function plainHasher(): CodeHasher {
    const tagOf = (code: string) => Buffer.alloc(32, code);
    const slot: HashSlot = {
      hash: async (code) => ({ profile: "fast", pepperId: "1", salt: Buffer.alloc(16), tag: tagOf(code) }),
      async matches(code, _, stored) {
        compared += 1;
        return tagOf(code).equals(stored.tag);
      },
    };
    return { waiting: queue.waiting, withSlot: (priority, who, work) => queue.run(priority, who, () => work(slot)) };
  }

  async function sendCode() {
    const identifier = { case: "email", value: "a@example.com" } as const;
    return await on.messageOf((await on.auth.sendOtp({ identifier, createUserIfMissing: true })).challenge);
  }

  const attemptsOf = async (id: string) => (await on.app.core.deps.store.challenges.find(id))!.attempts;

  function later(): { readonly happens: Promise<void>; readonly now: () => void } {
    let now = (): void => {};
    const happens = new Promise<void>((resolve) => {
      now = resolve;
    });
    return { happens, now };
  }

  it("that finds the queue full is refused as OVERLOADED and has spent no attempt", async () => {
    const { challengeId, code } = await sendCode();
    const end = later();
    const holders = Array.from({ length: 65 }, () => queue.run("verify", caller, () => end.happens));
    expect(await refused(on.auth.verifyOtp({ challengeId, code }))).toMatchObject({ reason: "OVERLOADED" });
    expect(await attemptsOf(challengeId)).toBe(0);
    end.now();
    await Promise.all(holders);
    expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });

  it("whose caller goes away while it waits for a slot has spent no attempt and is never compared", async () => {
    const { challengeId, code } = await sendCode();
    const end = later();
    const holder = queue.run("verify", caller, () => end.happens);
    const gone = new AbortController();
    const guess = on.auth.verifyOtp({ challengeId, code }, { signal: gone.signal });
    await eventually("the guess waits", async () => (queue.waiting() === 1 ? true : undefined));
    gone.abort();
    expect(await refused(guess)).toMatchObject({ code: "Canceled" });
    await eventually("the guess has left", async () => (queue.waiting() === 0 ? true : undefined));
    end.now();
    await holder;
    expect([await attemptsOf(challengeId), compared]).toEqual([0, 0]);
    expect((await on.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });
});
