import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, wrongCode } from "../support/calls.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

let on: TestApp;

beforeEach(async () => {
  on = await startTestApp();
});
afterEach(() => on.stop());

const email = (value: string) => ({ case: "email" as const, value });

async function send(value: string) {
  const { challenge } = await on.auth.sendOtp({ identifier: email(value), createUserIfMissing: true });
  return await on.messageOf(challenge);
}

/** Sends until the budgets of a requester refuse, and gives how long it is told to wait. */
async function sendUntilRefused(value: string): Promise<number> {
  for (let sends = 0; sends < 20; sends += 1) {
    const refusal = await on.auth.sendOtp({ identifier: email(value), createUserIfMissing: true }).then(
      () => null,
      () => refused(on.auth.sendOtp({ identifier: email(value), createUserIfMissing: true })),
    );
    if (refusal === null) continue;
    if (refusal.retryAfterMs! > 10 * minute) return refusal.retryAfterMs!;
    on.clock.advance(refusal.retryAfterMs!);
  }
  throw new Error("never refused");
}

describe.each([
  ["forwards by a minute", minute],
  ["forwards by a year", year],
  ["back by a minute", -minute],
  ["back by two hours", -2 * hour],
  ["back by a year", -year],
])("a clock that jumps %s", (_, ms) => {
  it("revives no code that was used, and none that was guessed at too often", async () => {
    const used = await send("ada@example.com");
    await on.auth.verifyOtp({ challengeId: used.challengeId, code: used.code });
    const guessed = await send("grace@example.com");
    for (let n = 0; n < 5; n += 1) {
      await refused(on.auth.verifyOtp({ challengeId: guessed.challengeId, code: wrongCode(guessed.code, n) }));
    }
    on.clock.advance(ms);
    for (const { challengeId, code } of [used, guessed]) {
      expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toMatch(/CODE_INVALID|TOO_MANY_REQUESTS/);
    }
  });

  it("lets new people sign in and out at once", async () => {
    await signIn(on, "early@example.com");
    on.clock.advance(ms);
    const { tokens } = await signIn(on, "ada@example.com");
    const { tokens: renewed } = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    await on.auth.getCurrentUser({}, bearer(renewed!.accessToken));
    await on.auth.revokeToken({ token: renewed!.refreshToken });
    expect((await refused(on.auth.refreshToken({ refreshToken: renewed!.refreshToken }))).reason).toBe("SESSION_ENDED");
  });

  it("replays no refresh token that was spent longer ago than the grace, and revokes its session as ever", async () => {
    const { tokens } = await signIn(on, "ada@example.com");
    const { tokens: second } = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    on.clock.advance(ms);
    const { reason } = await refused(on.auth.refreshToken({ refreshToken: tokens.refreshToken }));
    // A session that the jump has outlived has ended already.
    expect(reason).toBe(ms === year ? "SESSION_ENDED" : "REFRESH_TOKEN_REUSED");
    expect((await refused(on.auth.refreshToken({ refreshToken: second!.refreshToken }))).reason).toBe("SESSION_ENDED");
  });

  it("keeps a live session, unless it jumps over the session's end", async () => {
    const { tokens } = await signIn(on, "ada@example.com");
    on.clock.advance(ms);
    const refreshing = on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    if (ms === year) expect((await refused(refreshing)).reason).toBe("SESSION_ENDED");
    else await on.auth.getCurrentUser({}, bearer((await refreshing).tokens!.accessToken));
  });

  it("makes nobody wait longer than two windows, and what is told is true", async () => {
    const toldMs = await sendUntilRefused("ada@example.com");
    expect(toldMs).toBeLessThanOrEqual(day);
    on.clock.advance(ms);
    let waited = 0;
    for (let tries = 0; ; tries += 1) {
      const waitMs = await on.auth.sendOtp({ identifier: email("ada@example.com"), createUserIfMissing: true }).then(
        () => null,
        async () =>
          (await refused(on.auth.sendOtp({ identifier: email("ada@example.com"), createUserIfMissing: true }))).retryAfterMs!,
      );
      if (waitMs === null) break;
      expect(waitMs).toBeGreaterThan(0);
      waited += waitMs;
      expect(tries, "a wait that was told is not followed by another").toBe(0);
      on.clock.advance(waitMs);
    }
    expect(waited).toBeLessThanOrEqual(2 * day);
  });
});

describe.each([
  ["while the server runs", async () => on],
  ["between two starts", () => on.restart()],
])("a clock that is set back by an hour %s", (_, startedAgain) => {
  it("makes no code good again that had expired, and ends those that were live", async () => {
    const expired = await send("ada@example.com");
    on.clock.advance(6 * minute);
    const live = await send("grace@example.com");
    on.clock.advance(-hour);
    on = await startedAgain();
    for (const { challengeId, code } of [expired, live]) {
      expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    }
    await signIn(on, "ada@example.com");
  });
});

it.each([
  ["forwards by a minute", minute],
  ["back by a minute", -minute],
  ["back by two hours", -2 * hour],
  ["back by a day", -day],
])("a clock that jumps %s gives no one more guesses", async (_, ms) => {
  const guessed = async () => {
    const { challengeId, code } = await send("ada@example.com");
    for (let n = 0; n < 5; n += 1) await refused(on.auth.verifyOtp({ challengeId, code: wrongCode(code, n) }));
    on.clock.advance(3 * minute);
  };
  await guessed();
  // A server writes every few seconds, and so knows how late it was.
  await on.app.core.deps.store.upkeep.ping();
  on.clock.advance(ms);
  await guessed();
  const { challengeId, code } = await send("ada@example.com");
  const { reason, retryAfterMs } = await refused(on.auth.verifyOtp({ challengeId, code }));
  expect(reason).toBe("TOO_MANY_REQUESTS");
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(hour + minute);
});
