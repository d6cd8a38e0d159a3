import { afterAll, beforeAll, expect, it } from "vitest";
import type { TestApp } from "../support/app.js";
import { bearer, type CodeReader, refused, signIn, together, wrongCode } from "../support/calls.js";

/** What callers race against: a server, or several processes that are one service. */
export interface RaceScene extends CodeReader {
  /** Each call goes to the next process. */
  readonly auth: TestApp["auth"];
  readonly processes: number;
  /** Messages to a destination, when at least one has come. */
  messages(to: string): Promise<readonly unknown[]>;
  /** How many guesses were compared with a code so far. */
  compared(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * The races that a caller can start, each with what must come of it. `open` is asked once for all of them. Those whose outcome hangs on
 * chance run `rounds` times.
 */
export function races(open: () => Promise<RaceScene>, rounds: number): void {
  let on: RaceScene;
  beforeAll(async () => {
    on = await open();
  });
  afterAll(() => on.stop());

  /** A call to every process, one after the other. */
  function* everywhere<T>(call: () => Promise<T>): Iterable<Promise<T>> {
    for (let asked = 0; asked < on.processes; asked += 1) yield call();
  }

  async function challenge(email: string): Promise<{ challengeId: string; code: string }> {
    const sent = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    return await on.messageOf(sent.challenge);
  }

  it("200 parallel wrong guesses on a challenge of 5 attempts: exactly 5 are evaluated, and the right code is refused after them", async () => {
    const { challengeId, code } = await challenge("a@example.com");
    const before = await on.compared();
    const { results, reasons } = await together(200, (n) => on.auth.verifyOtp({ challengeId, code: wrongCode(code, n) }));
    expect(results).toEqual([]);
    expect((await on.compared()) - before).toBe(5);
    expect(Object.keys(reasons).filter((reason) => reason !== "OVERLOADED" && reason !== "CODE_INVALID")).toEqual([]);
    expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    expect((await on.compared()) - before).toBe(5);
  });

  it(`one right code among 200 parallel guesses buys at most one session, in ${rounds} rounds`, async () => {
    let compared = 0;
    for (let round = 0; round < rounds; round += 1) {
      const { challengeId, code } = await challenge(`round${round}@example.com`);
      const before = await on.compared();
      const { results } = await together(200, (n) =>
        on.auth.verifyOtp({ challengeId, code: n === 150 ? code : wrongCode(code, n) }),
      );
      expect(results.length).toBeLessThanOrEqual(1);
      compared += (await on.compared()) - before;
    }
    expect(compared).toBeLessThanOrEqual(5 * rounds);
  });

  it("100 parallel right codes buy one token set, and one session exists", async () => {
    const { challengeId, code } = await challenge("b@example.com");
    const { results } = await together(100, () => on.auth.verifyOtp({ challengeId, code }));
    expect(results.length).toBe(1);
    const { sessions } = await on.auth.listSessions({}, bearer(results[0]!.tokens!.accessToken));
    expect(sessions.length).toBe(1);
  });

  it("100 parallel right codes with one idempotency key get one and the same session", async () => {
    const { challengeId, code } = await challenge("c@example.com");
    const idempotencyKey = "the-same-key-for-all-of-them";
    const { results, reasons } = await together(100, () => on.auth.verifyOtp({ challengeId, code, idempotencyKey }));
    expect(results.length + (reasons.OVERLOADED ?? 0)).toBe(100);
    expect(results.length).toBeGreaterThan(1);
    expect(new Set(results.map(({ sessionId }) => sessionId)).size).toBe(1);
    expect(new Set(results.map(({ tokens }) => tokens!.refreshToken)).size).toBe(1);
  });

  it("100 parallel refreshes of one token give one successor and leave the session alive; a stale one afterwards ends it with every token", async () => {
    const { tokens } = await signIn(on, "d@example.com");
    const { results } = await together(100, () => on.auth.refreshToken({ refreshToken: tokens.refreshToken }));
    const successors = new Set(results.map((one) => one.tokens!.refreshToken));
    expect(results.length).toBe(100);
    expect(successors.size).toBe(1);
    const next = await on.auth.refreshToken({ refreshToken: [...successors][0]! });
    const accessTokens = new Set([tokens, ...results.map((one) => one.tokens!), next.tokens!].map((one) => one.accessToken));
    // Every process has seen every token when it dies.
    for (const accessToken of accessTokens) {
      for (const call of everywhere(() => on.auth.getCurrentUser({}, bearer(accessToken)))) await call;
    }

    expect((await refused(on.auth.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("REFRESH_TOKEN_REUSED");
    for (const refreshToken of [tokens.refreshToken, ...successors, next.tokens!.refreshToken]) {
      for (const call of everywhere(() => on.auth.refreshToken({ refreshToken }))) {
        expect((await refused(call)).reason).toBe("SESSION_ENDED");
      }
    }
    for (const accessToken of accessTokens) {
      for (const call of everywhere(() => on.auth.getCurrentUser({}, bearer(accessToken)))) {
        expect((await refused(call)).reason).toBe("TOKEN_INVALID");
      }
    }
  });

  it(`logout wins over every refresh that is under way: none of the tokens returned works afterwards, in ${2 * rounds} rounds`, async () => {
    for (let round = 0; round < 2 * rounds; round += 1) {
      const { tokens } = await signIn(on, `logout${round}@example.com`);
      const { results } = await together(20, async (n) => {
        if (n !== 7) return await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
        await on.auth.revokeToken({ token: tokens.refreshToken });
        return null;
      });
      for (const one of results) {
        if (one === null) continue;
        const { accessToken, refreshToken } = one.tokens!;
        for (const call of everywhere(() => on.auth.refreshToken({ refreshToken }))) {
          expect((await refused(call)).reason).toBe("SESSION_ENDED");
        }
        for (const call of everywhere(() => on.auth.getCurrentUser({}, bearer(accessToken)))) {
          expect((await refused(call)).reason).toBe("TOKEN_INVALID");
        }
      }
    }
  });

  it("20 parallel sends with one idempotency key make one challenge and one message", async () => {
    const request = { identifier: { case: "email" as const, value: "e@example.com" }, createUserIfMissing: true };
    const { results } = await together(20, () => on.auth.sendOtp({ ...request, idempotencyKey: "one-send-only-please" }));
    expect(results.length).toBe(20);
    expect(new Set(results.map((one) => one.challenge!.challengeId)).size).toBe(1);
    expect((await on.messages("e@example.com")).length).toBe(1);
  });

  it("50 parallel sends without a key make one message within the cooldown", async () => {
    const request = { identifier: { case: "email" as const, value: "f@example.com" }, createUserIfMissing: true };
    const { results, reasons } = await together(50, () => on.auth.sendOtp(request));
    expect(results.length).toBe(1);
    expect(reasons.TOO_MANY_REQUESTS! + (reasons.OVERLOADED ?? 0)).toBe(49);
    expect((await on.messages("f@example.com")).length).toBe(1);
  });
}
