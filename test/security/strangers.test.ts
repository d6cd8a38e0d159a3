import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refusalOf, refused, signIn, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const hour = 60 * 60_000;

describe.each(testEngines())("what strangers can do to an owner on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  it("sending from one address until it is refused leaves the owner's session alone and lets the owner sign in from another address", async () => {
    const { tokens, user } = await signIn(on, "owner@example.com");
    on.clock.advance(hour);
    const stranger = on.authFrom("203.0.113.9");
    const email = { identifier: { case: "email" as const, value: "owner@example.com" } };
    let sends = 0;
    for (let tries = 0; tries < 200 && sends < 5; tries += 1) {
      const refusal = await stranger.sendOtp(email).then(() => null, refusalOf);
      if (refusal === null) sends += 1;
      else expect(refusal.reason).toBe("TOO_MANY_REQUESTS");
      on.clock.advance(30_000);
    }
    expect(sends).toBe(5);
    const refresh = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    const { user: same } = await on.auth.getCurrentUser({}, bearer(refresh.tokens!.accessToken));
    expect(same).toEqual(user);

    const { challenge } = await on.authFrom("198.51.100.7").sendOtp(email);
    const { challengeId, code } = await on.messageOf(challenge);
    expect((await on.auth.verifyOtp({ challengeId, code })).user!.userId).toBe(user!.userId);
  });

  it("guessing from two addresses until the total is spent leaves sessions alone; the owner is refused truthfully and signs in when the time has come", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    on.clock.advance(hour);
    const email = { identifier: { case: "email" as const, value: "owner@example.com" } };
    for (let round = 0; round < 4; round += 1) {
      const stranger = on.authFrom(`203.0.113.${round % 2}`);
      const { challenge } = await stranger.sendOtp(email);
      const { challengeId, code } = await on.messageOf(challenge);
      for (let n = 0; n < 5; n += 1) {
        await refused(stranger.verifyOtp({ challengeId, code: wrongCode(code, n) }));
      }
      on.clock.advance(10 * 60_000);
    }
    const own = await on.authFrom("198.51.100.7").sendOtp(email);
    const { challengeId, code } = await on.messageOf(own.challenge);
    const refusal = await refused(on.auth.verifyOtp({ challengeId, code }));
    expect(refusal).toMatchObject({ code: "ResourceExhausted", reason: "TOO_MANY_REQUESTS" });

    const refreshed = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    expect(refreshed.tokens!.sessionId).toBe(tokens.sessionId);

    on.clock.advance(refusal.retryAfterMs! - 1);
    const later = await on.authFrom("198.51.100.7").sendOtp(email);
    const message = await on.messageOf(later.challenge);
    const fresh = { challengeId: message.challengeId, code: message.code };
    expect((await refused(on.auth.verifyOtp(fresh))).reason).toBe("TOO_MANY_REQUESTS");
    on.clock.advance(1);
    expect((await on.auth.verifyOtp(fresh)).tokens).toBeDefined();
  });

  it("registering with somebody's contact changes nothing of theirs: its owner gets the code, worded as a sign-in, and keeps all", async () => {
    const owner = await signIn(on, "owner@example.com");
    on.clock.advance(hour);
    const stranger = on.authFrom("203.0.113.9");
    const { challenges } = await stranger.registerUser({
      email: "owner@example.com",
      username: "mallory",
      displayName: "Mallory",
      customAttributes: { role: "admin" },
    });
    const { challengeId, code, text } = await on.messageOf(challenges[0]);
    expect(text).toMatch(/already have an account/i);
    const answer = await on.auth.verifyOtp({ challengeId, code });
    expect(answer.isNewUser).toBe(false);
    expect(answer.user).toEqual(owner.user);
    const free = await on.auth.registerUser({ email: "other@example.com", username: "mallory" });
    const other = await on.messageOf(free.challenges[0]);
    const made = await on.auth.verifyOtp({ challengeId: other.challengeId, code: other.code });
    expect(made).toMatchObject({ isNewUser: true, usernameTaken: false, user: { username: "mallory" } });
  });

  const idempotencyKey = "an-idempotency-key-0001";

  it("the idempotency key of a send means nothing at another network: a stranger gets another challenge, and the owner's keeps its attempts", async () => {
    const owner = on.authFrom("198.51.100.7");
    const stranger = on.authFrom("203.0.113.9");
    const send = {
      identifier: { case: "email" as const, value: "owner@example.com" },
      createUserIfMissing: true,
      idempotencyKey,
    };
    const { challenge } = await owner.sendOtp(send);
    const other = (await stranger.sendOtp(send)).challenge!;
    expect(other.challengeId).not.toBe(challenge!.challengeId);
    const { challengeId, code } = await on.messageOf(challenge);
    for (let n = 0; n < 5; n += 1)
      await refused(stranger.verifyOtp({ challengeId: other.challengeId, code: wrongCode(code, n) }));
    expect((await owner.sendOtp(send)).challenge).toEqual(challenge);
    expect((await stranger.sendOtp(send)).challenge!.challengeId).toBe(other.challengeId);
    expect(await on.messages("owner@example.com", 2)).toHaveLength(2);
    expect((await owner.verifyOtp({ challengeId, code })).tokens).toBeDefined();
  });

  it("the idempotency key of a resend means nothing at another network: there it is a send of its own", async () => {
    const owner = on.authFrom("198.51.100.7");
    const { challenge } = await owner.sendOtp({
      identifier: { case: "email", value: "owner@example.com" },
      createUserIfMissing: true,
    });
    on.clock.advance(60_000);
    const resend = { identifier: { case: "challengeId" as const, value: challenge!.challengeId }, idempotencyKey };
    const first = await owner.sendOtp(resend);
    const other = await on.authFrom("203.0.113.9").sendOtp(resend);
    expect(other.challenge!.sendsLeft).toBe(first.challenge!.sendsLeft - 1);
    expect((await owner.sendOtp(resend)).challenge!.sendsLeft).toBe(other.challenge!.sendsLeft);
    expect(await on.messages("owner@example.com", 3)).toHaveLength(3);
  });

  it("the idempotency key of a registration means nothing at another network: a stranger gets challenges of their own", async () => {
    const owner = on.authFrom("198.51.100.7");
    const register = { email: "owner@example.com", displayName: "Owner", idempotencyKey };
    const { challenges } = await owner.registerUser(register);
    const others = (await on.authFrom("203.0.113.9").registerUser(register)).challenges;
    expect(others[0]!.challengeId).not.toBe(challenges[0]!.challengeId);
    expect((await owner.registerUser(register)).challenges).toEqual(challenges);
    expect(await on.messages("owner@example.com", 2)).toHaveLength(2);
  });

  it("an idempotency key holds in a whole IPv6 /64, where one device has many addresses, and not beyond it", async () => {
    const send = { identifier: { case: "email" as const, value: "owner@example.com" }, idempotencyKey };
    const idFrom = async (address: string) => (await on.authFrom(address).sendOtp(send)).challenge!.challengeId;
    const first = await idFrom("2001:db8::1");
    expect(await idFrom("2001:db8::ffff:2")).toBe(first);
    expect(await idFrom("2001:db8:0:1::1")).not.toBe(first);
  });

  it("a resend goes to the challenge's own contact whoever asks, with the same code", async () => {
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "email", value: "new@example.com" },
      createUserIfMissing: true,
    });
    const { challengeId, code } = await on.messageOf(challenge);
    on.clock.advance(40_000);
    await on.authFrom("203.0.113.9").sendOtp({ identifier: { case: "challengeId", value: challengeId } });
    const messages = await on.messages("new@example.com", 2);
    expect(messages.map((message) => message.code)).toEqual([code, code]);
    expect((await on.auth.verifyOtp({ challengeId, code })).contact!.value).toBe("new@example.com");
  });

  it("a challenge of a contact is worth nothing for another one: expecting the wrong contact or purpose fails and costs an attempt", async () => {
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "email", value: "mine@example.com" },
      createUserIfMissing: true,
    });
    const { challengeId, code } = await on.messageOf(challenge);
    for (let n = 0; n < 5; n += 1) {
      const refusal = await refused(on.auth.verifyOtp({ challengeId, code, expectedContact: "owner@example.com" }));
      expect(refusal.reason).toBe("CODE_INVALID");
    }
    expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
  });

  it("a deleted user's codes, tokens and sessions are dead, and the contact makes a new user", async () => {
    const { tokens, user } = await signIn(on, "owner@example.com");
    on.clock.advance(60_000);
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: "owner@example.com" } });
    const { challengeId, code } = await on.messageOf(challenge);
    await on.auth.deleteCurrentUser({}, bearer(tokens.accessToken));
    expect((await refused(on.auth.verifyOtp({ challengeId, code }))).reason).toBe("CODE_INVALID");
    expect((await refused(on.auth.getCurrentUser({}, bearer(tokens.accessToken)))).reason).toBe("TOKEN_INVALID");
    expect((await refused(on.auth.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
    on.clock.advance(hour);
    const again = await signIn(on, "owner@example.com");
    expect(again.user!.userId).not.toBe(user!.userId);
  });

  it("holding a challenge of the owner's address tells nobody that, or when, the owner signs in or leaves", async () => {
    const stranger = on.authFrom("203.0.113.9");
    const held: string[] = [];
    await signIn(on, "owner@example.com");
    on.clock.advance(60_000);
    for (const value of ["owner@example.com", "nobody@example.com"]) {
      held.push((await stranger.sendOtp({ identifier: { case: "email", value } })).challenge!.challengeId);
    }
    const { tokens } = await signIn(on, "owner@example.com");
    await on.auth.deleteCurrentUser({}, bearer(tokens.accessToken));
    for (const wait of [0, 61_000]) {
      on.clock.advance(wait);
      const resends = held.map((value) => stranger.sendOtp({ identifier: { case: "challengeId", value } }));
      const answers = await Promise.all(
        resends.map((one) =>
          one.then(
            ({ challenge }) => challenge!.sendsLeft,
            (error) => refusalOf(error).reason,
          ),
        ),
      );
      expect(answers[0]).toBe(answers[1]);
      const guesses = await Promise.all(
        held.map((challengeId) => refused(stranger.verifyOtp({ challengeId, code: "000000" }))),
      );
      expect(guesses[0]).toEqual(guesses[1]);
    }
  });

  it("guesses that an allowance has no room for are refused before they wait for a hash", async () => {
    const challenges: { readonly challengeId: string }[] = [];
    for (let n = 0; n < 3; n += 1) {
      challenges.push((await on.auth.sendOtp({ identifier: { case: "email", value: "owner@example.com" } })).challenge!);
      on.clock.advance(70_000);
    }
    for (let n = 0; n < 10; n += 1) {
      await refused(on.auth.verifyOtp({ challengeId: challenges[n % 2]!.challengeId, code: wrongCode("000000", n) }));
    }
    const flood = Array.from({ length: 200 }, () =>
      refused(on.auth.verifyOtp({ challengeId: challenges[2]!.challengeId, code: "000000" })),
    );
    expect(new Set((await Promise.all(flood)).map(({ reason }) => reason))).toEqual(new Set(["TOO_MANY_REQUESTS"]));
  });

  it("deleting an account with a sign-in older than 10 minutes is refused and deletes nothing", async () => {
    const { tokens } = await signIn(on, "owner@example.com");
    on.clock.advance(10 * 60_000 + 1);
    const { tokens: fresh } = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    const refusal = await refused(on.auth.deleteCurrentUser({}, bearer(fresh!.accessToken)));
    expect(refusal).toMatchObject({ code: "FailedPrecondition", reason: "RECENT_SIGN_IN_REQUIRED" });
    expect((await on.auth.getCurrentUser({}, bearer(fresh!.accessToken))).user).toBeDefined();
  });
});
