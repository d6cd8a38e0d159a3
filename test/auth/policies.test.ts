import type { Client } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDirectory } from "../../src/apps/directory.js";
import type { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import type { Policy } from "../../src/model/policy.js";
import { startTestApp, type TestApp, testSettings } from "../support/app.js";
import { bearer, refused, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

type Auth = Client<typeof AuthService>;
const [minute, hour] = [60_000, 3_600_000];

describe.each(testEngines())("two apps of one server, on $engine,", ({ database }) => {
  let server: TestApp;
  let emails = 0;
  const newEmail = () => ({ case: "email" as const, value: `person${emails++}@example.com` });

  /** A server whose app `strict` differs from the app `plain` in some values. */
  async function startWith(values: Partial<Policy>): Promise<{ plain: Auth; strict: Auth }> {
    const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
    const directory = createDirectory({
      apps: [
        { appId: "plain", policy },
        { appId: "strict", policy: { ...policy, ...values } },
      ],
      clients: ["plain", "strict"].map((appId) => ({ clientId: `${appId}-web`, appId, allowedOrigins: [] })),
      fallbackId: null,
    });
    server = await startTestApp(await database(), { directory });
    return { plain: server.authAs("plain-web"), strict: server.authAs("strict-web") };
  }

  beforeEach(() => {
    emails = 0;
  });
  afterEach(async () => {
    await server.stop();
  });

  async function send(auth: Auth, identifier = newEmail()) {
    const { challenge } = await auth.sendOtp({ identifier, createUserIfMissing: true });
    return challenge!;
  }

  async function guess(auth: Auth, challenge: Awaited<ReturnType<typeof send>>) {
    const { code } = await server.messageOf(challenge);
    return await auth.verifyOtp({ challengeId: challenge.challengeId, code });
  }

  async function signIn(auth: Auth) {
    return (await guess(auth, await send(auth))).tokens!;
  }

  const now = () => server.clock();
  const at = (time: { seconds: bigint; nanos: number } | undefined) => Number(time!.seconds) * 1000 + time!.nanos / 1e6;

  it("have codes of their own length, life and number of sends", async () => {
    const { plain, strict } = await startWith({ codeLength: 9, codeTtlMs: 2 * minute, sendsMax: 2 });
    const [one, other] = [await send(plain), await send(strict)];
    expect([one.codeLength, at(one.expiresAt) - now(), one.sendsLeft]).toEqual([6, 5 * minute, 4]);
    expect([other.codeLength, at(other.expiresAt) - now(), other.sendsLeft]).toEqual([9, 2 * minute, 1]);
    expect((await server.messageOf(other)).code).toMatch(/^\d{9}$/);
    server.clock.advance(3 * minute);
    expect((await guess(plain, one)).tokens).toBeDefined();
    expect((await refused(guess(strict, other))).reason).toBe("CODE_INVALID");
  });

  it("have cooldowns and limits of their own", async () => {
    const { plain, strict } = await startWith({
      resendCooldownMs: [2 * minute],
      sendsPerRequester: [{ max: 1, windowMs: hour }],
    });
    const [one, other] = [await send(plain), await send(strict)];
    expect([at(one.resendAt) - now() < minute, at(other.resendAt) - now() > minute]).toEqual([true, true]);
    server.clock.advance(4 * minute);
    const resend = (auth: Auth, { challengeId }: { challengeId: string }) =>
      auth.sendOtp({ identifier: { case: "challengeId", value: challengeId } });
    expect((await resend(plain, one)).challenge?.sendsLeft).toBe(3);
    expect((await refused(resend(strict, other))).reason).toBe("TOO_MANY_REQUESTS");
  });

  it("let a code be guessed as often as each says", async () => {
    const { plain, strict } = await startWith({ attemptsMax: 1 });
    for (const [auth, expected] of [
      [plain, "redeemed"],
      [strict, "refused"],
    ] as const) {
      const challenge = await send(auth);
      const { code } = await server.messageOf(challenge);
      const { challengeId } = challenge;
      expect((await refused(auth.verifyOtp({ challengeId, code: wrongCode(code) }))).reason).toBe("CODE_INVALID");
      const again = await auth.verifyOtp({ challengeId, code }).then(
        () => "redeemed",
        () => "refused",
      );
      expect(again).toBe(expected);
    }
  });

  it("make users of unknown contacts only where the app allows it, and answer alike", async () => {
    const { plain, strict } = await startWith({ autoRegistration: false });
    const [one, other] = [await send(plain), await send(strict)];
    expect(Object.keys(other)).toEqual(Object.keys(one));
    expect((await guess(plain, one)).isNewUser).toBe(true);
    expect(await server.messages("person1@example.com", 0)).toEqual([]);
  });

  it("prove contacts to public clients only where the app allows it", async () => {
    const { plain, strict } = await startWith({ publicContactProofs: false });
    const proof = { identifier: newEmail(), purpose: Purpose.VERIFY_CONTACT };
    expect((await plain.sendOtp(proof)).challenge).toBeDefined();
    expect((await refused(strict.sendOtp(proof))).reason).toBe("PURPOSE_NOT_ALLOWED");
  });

  it("send over the channels of the app", async () => {
    const { plain, strict } = await startWith({ channels: ["email"] });
    const sms = { identifier: { case: "phone" as const, value: "+46701234567" }, channel: Channel.SMS };
    expect((await plain.sendOtp(sms)).challenge?.channel).toBe(Channel.SMS);
    expect((await refused(strict.sendOtp(sms))).reason).toBe("CHANNEL_UNAVAILABLE");
  });

  it("give tokens and sessions lives of their own", async () => {
    const { plain, strict } = await startWith({ accessTokenTtlMs: minute, refreshIdleMs: hour });
    const [one, other] = [await signIn(plain), await signIn(strict)];
    expect([one.expiresIn, at(one.refreshTokenExpiresAt) - now()]).toEqual([600, 7 * 24 * hour]);
    expect([other.expiresIn, at(other.refreshTokenExpiresAt) - now()]).toEqual([60, hour]);
    server.clock.advance(2 * hour);
    expect((await plain.refreshToken({ refreshToken: one.refreshToken })).tokens?.expiresIn).toBe(600);
    expect((await refused(strict.refreshToken({ refreshToken: other.refreshToken }))).reason).toBe("SESSION_ENDED");
  });

  it("give the successor of a refresh token again for as long as each app says", async () => {
    const { plain, strict } = await startWith({ refreshGraceMs: 0 });
    for (const [auth, outcome] of [
      [plain, null],
      [strict, "REFRESH_TOKEN_REUSED"],
    ] as const) {
      const { refreshToken } = await signIn(auth);
      const { tokens } = await auth.refreshToken({ refreshToken });
      server.clock.advance(1);
      const again = auth.refreshToken({ refreshToken });
      if (outcome === null) expect((await again).tokens?.refreshToken).toBe(tokens?.refreshToken);
      else expect((await refused(again)).reason).toBe(outcome);
    }
  });

  it("ask for a recent sign-in by the policy of the app whose token it is", async () => {
    const { plain, strict } = await startWith({ recentMs: minute });
    const [one, other] = [await signIn(plain), await signIn(strict)];
    server.clock.advance(2 * minute);
    expect((await refused(strict.deleteCurrentUser({}, bearer(other.accessToken)))).reason).toBe("RECENT_SIGN_IN_REQUIRED");
    expect((await strict.getCurrentUser({}, bearer(other.accessToken))).user).toBeDefined();
    await plain.deleteCurrentUser({}, bearer(one.accessToken));
  });

  it("never take one another's challenges, codes and tokens", async () => {
    const { plain, strict } = await startWith({});
    const challenge = await send(plain);
    expect((await refused(guess(strict, challenge))).reason).toBe("CODE_INVALID");
    const tokens = (await guess(plain, challenge)).tokens!;
    expect((await refused(strict.refreshToken({ refreshToken: tokens.refreshToken }))).reason).toBe("SESSION_ENDED");
    expect((await refused(strict.getCurrentUser({}, bearer(tokens.accessToken)))).reason).toBe("CLIENT_UNKNOWN");
    expect((await plain.getCurrentUser({}, bearer(tokens.accessToken))).user).toBeDefined();
  });
});
