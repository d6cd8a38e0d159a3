import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const key = "an-idempotency-key-0001";
const minute = 60_000;

describe.each(testEngines())("a call whose reply was lost on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  async function challenge(email: string): Promise<{ challengeId: string; code: string }> {
    const sent = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const { challengeId, code } = await on.messageOf(sent.challenge);
    return { challengeId, code };
  }

  it("VerifyOtp repeated with its key after a minute gives the same session, tokens that work and is_new_user as before", async () => {
    const guess = { ...(await challenge("a@example.com")), idempotencyKey: key };
    const first = await on.auth.verifyOtp(guess);
    on.clock.advance(minute);
    const second = await on.auth.verifyOtp(guess);
    expect(second.sessionId).toBe(first.sessionId);
    expect(second.isNewUser).toBe(true);
    expect(second.tokens!.refreshToken).toBe(first.tokens!.refreshToken);
    expect((await on.auth.listSessions({}, bearer(second.tokens!.accessToken))).sessions.length).toBe(1);
  });

  it("VerifyOtp is not repeated without the key, with another key, or with another code", async () => {
    const guess = await challenge("b@example.com");
    await on.auth.verifyOtp({ ...guess, idempotencyKey: key });
    const others = [
      guess,
      { ...guess, idempotencyKey: `${key}x` },
      { ...guess, code: wrongCode(guess.code), idempotencyKey: key },
    ];
    for (const other of others) expect((await refused(on.auth.verifyOtp(other))).reason).toBe("CODE_INVALID");
  });

  it("VerifyOtp is not repeated once the session was refreshed, was revoked, or the challenge has expired", async () => {
    const refreshed = { ...(await challenge("c@example.com")), idempotencyKey: key };
    const { tokens } = await on.auth.verifyOtp(refreshed);
    await on.auth.refreshToken({ refreshToken: tokens!.refreshToken });
    expect((await refused(on.auth.verifyOtp(refreshed))).reason).toBe("CODE_INVALID");

    const revoked = { ...(await challenge("d@example.com")), idempotencyKey: key };
    await on.auth.revokeToken({ token: (await on.auth.verifyOtp(revoked)).tokens!.refreshToken });
    expect((await refused(on.auth.verifyOtp(revoked))).reason).toBe("CODE_INVALID");

    const expired = { ...(await challenge("e@example.com")), idempotencyKey: key };
    await on.auth.verifyOtp(expired);
    on.clock.advance(5 * minute);
    expect((await refused(on.auth.verifyOtp(expired))).reason).toBe("CODE_INVALID");
  });

  it("RefreshToken repeated with its key after an hour gives the same successor, also after a restart", async () => {
    const { tokens } = await signIn(on, "f@example.com");
    const call = { refreshToken: tokens.refreshToken, idempotencyKey: key };
    const first = await on.auth.refreshToken(call);
    on.clock.advance(60 * minute);
    on = await on.restart();
    const second = await on.auth.refreshToken(call);
    expect(second.tokens!.refreshToken).toBe(first.tokens!.refreshToken);
    expect(second.tokens!.sessionId).toBe(tokens.sessionId);
  });

  it("RefreshToken repeated without the key gives the same successor within 10 s; 11 s later the session is dead", async () => {
    const { tokens } = await signIn(on, "g@example.com");
    const call = { refreshToken: tokens.refreshToken };
    const first = await on.auth.refreshToken(call);
    on.clock.advance(9_999);
    const second = await on.auth.refreshToken(call);
    expect(second.tokens!.refreshToken).toBe(first.tokens!.refreshToken);
    on.clock.advance(1_001);
    expect((await refused(on.auth.refreshToken(call))).reason).toBe("REFRESH_TOKEN_REUSED");
    const refresh = { refreshToken: first.tokens!.refreshToken };
    expect((await refused(on.auth.refreshToken(refresh))).reason).toBe("SESSION_ENDED");
    expect((await refused(on.auth.getCurrentUser({}, bearer(second.tokens!.accessToken)))).reason).toBe("TOKEN_INVALID");
  });

  it("RefreshToken repeated with its key after the successor was used ends the session: the repeat can only be a thief's or a bug's", async () => {
    const { tokens } = await signIn(on, "h@example.com");
    const call = { refreshToken: tokens.refreshToken, idempotencyKey: key };
    const first = await on.auth.refreshToken(call);
    await on.auth.refreshToken({ refreshToken: first.tokens!.refreshToken });
    on.clock.advance(11_000);
    expect((await refused(on.auth.refreshToken(call))).reason).toBe("REFRESH_TOKEN_REUSED");
  });

  it("SendOtp repeated with its key within the cooldown gives the live challenge and sends nothing; RegisterUser likewise", async () => {
    const send = {
      identifier: { case: "email" as const, value: "i@example.com" },
      createUserIfMissing: true,
      idempotencyKey: key,
    };
    const first = await on.auth.sendOtp(send);
    expect((await refused(on.auth.sendOtp({ ...send, idempotencyKey: `${key}x` }))).reason).toBe("TOO_MANY_REQUESTS");
    expect(await on.auth.sendOtp(send)).toEqual(first);
    expect((await on.messages("i@example.com")).length).toBe(1);

    const register = { email: "j@example.com", phone: "+46701234567", idempotencyKey: key };
    const registered = await on.auth.registerUser(register);
    expect(await on.auth.registerUser(register)).toEqual(registered);
    expect((await on.messages("j@example.com")).length).toBe(1);
    expect((await on.messages("+46701234567")).length).toBe(1);
  });

  it("a refusal is not remembered: the same key succeeds once the cooldown is over", async () => {
    const send = { identifier: { case: "email" as const, value: "k@example.com" }, createUserIfMissing: true };
    await on.auth.sendOtp(send);
    const refusal = await refused(on.auth.sendOtp({ ...send, idempotencyKey: key }));
    on.clock.advance(refusal.retryAfterMs!);
    expect((await on.auth.sendOtp({ ...send, idempotencyKey: key })).challenge).toBeDefined();
  });
});
