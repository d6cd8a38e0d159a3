import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import type { AppPolicy } from "../../src/model/app-policy.js";
import type { PolicyKey } from "../../src/model/policy-fields.js";
import { bearer, refusalOf, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { addMember } from "../support/members.js";
import { type AppUnderTest, startTwoApps, type TwoApps } from "./two-apps.js";

const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000];

/** What an app shows of one value of its policy, by default and with another value. */
interface Behaviour {
  /** Applies to both apps from the start, where the value acts only together with others. */
  readonly base?: AppPolicy;
  readonly changed: AppPolicy;
  show(on: TwoApps, app: AppUnderTest): Promise<unknown>;
  readonly before: unknown;
  readonly after: unknown;
}

const at = (time: { seconds: bigint; nanos: number } | undefined) => Number(time!.seconds) * 1000 + time!.nanos / 1e6;

/** The result of a call, or the reason of its refusal. */
async function resultOf<T>(call: Promise<T>, show: (result: T) => unknown = () => "ok"): Promise<unknown> {
  return await call.then(show, (error) => refusalOf(error).reason);
}

async function signIn(on: TwoApps, { web }: AppUnderTest, identifier = on.newEmail()) {
  return await on.redeem(web, await on.send(web, identifier));
}

/** Spends wrong codes at a new challenge of a person with an account. Returns the identifier. */
async function fail(on: TwoApps, app: AppUnderTest, times: number) {
  const identifier = on.newEmail();
  await signIn(on, app, identifier);
  on.server.clock.advance(minute);
  const { challengeId } = await on.send(app.web, identifier);
  const { code } = await on.server.messageOf({ challengeId });
  for (let n = 0; n < times; n += 1) await resultOf(app.web.verifyOtp({ challengeId, code: wrongCode(code, n) }));
  return { identifier, challengeId, code };
}

const both = { email: "", phone: "" };
let phones = 0;
const newPhone = () => `+4670${String(1_000_000 + phones++)}`;

/** One for every value: a value without one does not compile. */
const behaviours: Readonly<Record<PolicyKey, Behaviour>> = {
  codeLength: {
    changed: { codeLength: 9 },
    async show(on, { web }) {
      const challenge = await on.send(web);
      const { code } = await on.server.messageOf(challenge);
      return [challenge.codeLength, code.length];
    },
    before: [6, 6],
    after: [9, 9],
  },
  codeTtlMs: {
    changed: { codeTtlMs: 2 * minute },
    async show(on, { web }) {
      const challenge = await on.send(web);
      const { code } = await on.server.messageOf(challenge);
      const life = at(challenge.expiresAt) - on.server.clock();
      on.server.clock.advance(3 * minute);
      return [life, await resultOf(web.verifyOtp({ challengeId: challenge.challengeId, code }))];
    },
    before: [5 * minute, "ok"],
    after: [2 * minute, "CODE_INVALID"],
  },
  attemptsMax: {
    changed: { attemptsMax: 1 },
    async show(on, { web }) {
      const { challengeId } = await on.send(web);
      const { code } = await on.server.messageOf({ challengeId });
      await resultOf(web.verifyOtp({ challengeId, code: wrongCode(code) }));
      return await resultOf(web.verifyOtp({ challengeId, code }));
    },
    before: "ok",
    after: "CODE_INVALID",
  },
  lockoutFailures: {
    changed: { lockoutFailures: 2 },
    async show(on, app) {
      const { challengeId, code } = await fail(on, app, 2);
      return await resultOf(app.web.verifyOtp({ challengeId, code }));
    },
    before: "ok",
    after: "CODE_INVALID",
  },
  lockoutDurationMs: {
    base: { lockoutFailures: 2 },
    changed: { lockoutDurationMs: minute },
    async show(on, app) {
      const { identifier } = await fail(on, app, 2);
      on.server.clock.advance(2 * minute);
      return await resultOf(on.redeem(app.web, await on.send(app.web, identifier)));
    },
    before: "CODE_INVALID",
    after: "ok",
  },
  resendCooldownMs: {
    changed: { resendCooldownMs: 10 * minute },
    async show(on, { web }) {
      const challenge = await on.send(web);
      on.server.clock.advance(minute);
      const again = web.sendOtp({ identifier: { case: "challengeId", value: challenge.challengeId } });
      return [at(challenge.resendAt) - on.server.clock() > minute, await resultOf(again)];
    },
    before: [false, "ok"],
    after: [true, "TOO_MANY_REQUESTS"],
  },
  sendsMax: {
    changed: { sendsMax: 1 },
    async show(on, { web }) {
      const { challengeId, sendsLeft } = await on.send(web);
      on.server.clock.advance(minute);
      return [sendsLeft, await resultOf(web.sendOtp({ identifier: { case: "challengeId", value: challengeId } }))];
    },
    before: [4, "ok"],
    after: [0, "CODE_INVALID"],
  },
  sendsPerHour: {
    changed: { sendsPerHour: 1 },
    async show(on, { web }) {
      const identifier = on.newEmail();
      await on.send(web, identifier);
      on.server.clock.advance(10 * minute);
      return await resultOf(on.send(web, identifier));
    },
    before: "ok",
    after: "TOO_MANY_REQUESTS",
  },
  sendsPerDay: {
    changed: { sendsPerDay: 1 },
    async show(on, { web }) {
      const identifier = on.newEmail();
      await on.send(web, identifier);
      on.server.clock.advance(2 * hour);
      return await resultOf(on.send(web, identifier));
    },
    before: "ok",
    after: "TOO_MANY_REQUESTS",
  },
  registrationSources: {
    changed: { registrationSources: ["email"] },
    async show(on, { web }) {
      const request = { ...both, email: on.newEmail().value, phone: newPhone() };
      const proven = await web.registerUser(request);
      const { user } = await on.redeem(web, proven.challenges[0]!);
      const alone = web.registerUser({ ...both, phone: newPhone() });
      return [proven.challenges.map(({ channel }) => channel), user?.contacts.length ?? null, await resultOf(alone)];
    },
    before: [[Channel.EMAIL, Channel.SMS], null, "ok"],
    after: [[Channel.EMAIL], 1, "REQUEST_INVALID"],
  },
  codeSignIn: {
    changed: { codeSignIn: false },
    async show(on, { web }) {
      const { challenges } = await web.registerUser({ ...both, email: on.newEmail().value });
      const { tokens, sessionId } = await on.redeem(web, challenges[0]!);
      return [await resultOf(on.send(web)), tokens !== undefined, sessionId !== ""];
    },
    before: ["ok", true, true],
    after: ["PURPOSE_NOT_ALLOWED", false, false],
  },
  channels: {
    changed: { channels: ["email"] },
    async show(_on, { web }) {
      const sms = web.sendOtp({ identifier: { case: "phone", value: newPhone() } });
      return await resultOf(sms, ({ challenge }) => challenge?.channel);
    },
    before: Channel.SMS,
    after: "CHANNEL_UNAVAILABLE",
  },
  defaultChannel: {
    changed: { defaultChannel: "sms" },
    async show(on, { web }) {
      const username = `user${on.newEmail().value.slice(6, -12)}${phones++}`;
      return (await web.sendOtp({ identifier: { case: "username", value: username } })).challenge?.channel;
    },
    before: Channel.EMAIL,
    after: Channel.SMS,
  },
  registration: {
    changed: { registration: false },
    async show(on, { web }) {
      return await resultOf(web.registerUser({ ...both, email: on.newEmail().value }));
    },
    before: "ok",
    after: "PURPOSE_NOT_ALLOWED",
  },
  autoRegistration: {
    changed: { autoRegistration: false },
    async show(on, { web }) {
      const challenge = await on.send(web);
      const stored = await on.elsewhere.challenges.find(challenge.challengeId);
      return [stored?.decoy, Object.keys(challenge).length];
    },
    before: [false, 14],
    after: [true, 14],
  },
  publicContactProofs: {
    changed: { publicContactProofs: false },
    async show(on, { web, backend }) {
      const proof = () => ({ identifier: on.newEmail(), purpose: Purpose.VERIFY_CONTACT });
      return [await resultOf(web.sendOtp(proof())), await resultOf(backend.sendOtp(proof()))];
    },
    before: ["ok", "ok"],
    after: ["PURPOSE_NOT_ALLOWED", "ok"],
  },
  accessTokenTtlMs: {
    changed: { accessTokenTtlMs: minute },
    async show(on, app) {
      const { tokens } = await signIn(on, app);
      on.server.clock.advance(2 * minute);
      return [tokens?.expiresIn, await resultOf(app.web.getCurrentUser({}, bearer(tokens!.accessToken)))];
    },
    before: [600, "ok"],
    after: [60, "TOKEN_INVALID"],
  },
  refreshIdleMs: {
    changed: { refreshIdleMs: hour },
    async show(on, app) {
      const { tokens } = await signIn(on, app);
      const life = at(tokens!.refreshTokenExpiresAt) - on.server.clock();
      on.server.clock.advance(2 * hour);
      return [life, await resultOf(app.web.refreshToken({ refreshToken: tokens!.refreshToken }))];
    },
    before: [7 * day, "ok"],
    after: [hour, "SESSION_ENDED"],
  },
  refreshAbsoluteMs: {
    changed: { refreshAbsoluteMs: hour },
    async show(on, app) {
      const { tokens } = await signIn(on, app);
      const { sessions } = await app.web.listSessions({}, bearer(tokens!.accessToken));
      return at(sessions[0]?.expiresAt) - on.server.clock();
    },
    before: 30 * day,
    after: hour,
  },
  refreshGraceMs: {
    changed: { refreshGraceMs: 0 },
    async show(on, app) {
      const { refreshToken } = (await signIn(on, app)).tokens!;
      const { tokens } = await app.web.refreshToken({ refreshToken });
      on.server.clock.advance(second);
      return await resultOf(
        app.web.refreshToken({ refreshToken }),
        (again) => again.tokens?.refreshToken === tokens?.refreshToken,
      );
    },
    before: true,
    after: "REFRESH_TOKEN_REUSED",
  },
  sessionsMax: {
    changed: { sessionsMax: 1 },
    async show(on, app) {
      const identifier = on.newEmail();
      const first = await signIn(on, app, identifier);
      on.server.clock.advance(minute);
      const other = await signIn(on, app, identifier);
      const { sessions } = await app.web.listSessions({}, bearer(other.tokens!.accessToken));
      return [sessions.length, await resultOf(app.web.refreshToken({ refreshToken: first.tokens!.refreshToken }))];
    },
    before: [2, "ok"],
    after: [1, "SESSION_ENDED"],
  },
  tokenFields: {
    changed: { tokenFields: ["email", "phone", "username", "roles"] },
    async show(on, { web }) {
      const { challenges } = await web.registerUser({ ...both, email: on.newEmail().value, username: `named${phones++}` });
      const { tokens } = await on.redeem(web, challenges[0]!);
      const renewed = await web.refreshToken({ refreshToken: tokens!.refreshToken });
      const said = [tokens!.accessToken, tokens!.idToken, renewed.tokens!.accessToken].map(decodeJwt);
      return said.map((claims) =>
        ["email", "email_verified", "phone_number", "preferred_username", "roles"].map((name) => name in claims),
      );
    },
    before: [1, 2, 3].map(() => [false, false, false, false, false]),
    after: [1, 2, 3].map(() => [true, true, false, true, true]),
  },
  tokenAttributes: {
    changed: { tokenAttributes: ["plan"] },
    async show(on, { appId, web }) {
      const email = on.newEmail();
      const appAttributes = '{"plan":"gold","note":"not for tokens"}';
      await addMember(on.elsewhere, { appId, now: on.server.clock() }, { email: email.value, appAttributes });
      const { tokens } = await on.redeem(web, await on.send(web, email));
      const renewed = await web.refreshToken({ refreshToken: tokens!.refreshToken });
      return [tokens!.accessToken, tokens!.idToken, renewed.tokens!.accessToken].map((token) => decodeJwt(token).app);
    },
    before: [undefined, undefined, undefined],
    after: [{ plan: "gold" }, { plan: "gold" }, { plan: "gold" }],
  },
  trustClaims: {
    changed: { trustClaims: true },
    async show(on, { appId, web }) {
      const [email, phone] = [on.newEmail(), newPhone()];
      const { user } = await addMember(on.elsewhere, { appId, now: on.server.clock() }, { email: email.value, phone });
      await on.redeem(web, await on.send(web, email));
      const { challenge } = await web.sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
      const byPhone = await on.redeem(web, challenge!);
      return [byPhone.isNewUser, byPhone.user?.userId === user.userId];
    },
    before: [true, false],
    after: [false, true],
  },
  smsCountries: {
    changed: { smsCountries: ["DE"] },
    show: (_on, { web }) =>
      resultOf(web.sendOtp({ identifier: { case: "phone", value: newPhone() }, createUserIfMissing: true })),
    before: "ok",
    after: "COUNTRY_NOT_ALLOWED",
  },
  revealUsers: {
    changed: { revealUsers: true },
    show: (on, { web }) => resultOf(web.sendOtp({ identifier: on.newEmail() })),
    before: "ok",
    after: "USER_NOT_FOUND",
  },
};

describe.each(testEngines())("two apps of one server, on $engine,", ({ database }) => {
  let on: TwoApps;
  afterEach(async () => {
    await on.stop();
  });

  it.each(Object.entries(behaviours))(
    "differ in %s, from within a second after another process has changed it for one of them",
    async (_key, { base, changed, show, before, after }) => {
      on = await startTwoApps(await database(), { policy: base ?? {} });
      expect(await show(on, on.plain)).toEqual(before);
      expect(await show(on, on.strict)).toEqual(before);
      await on.change("strict", changed);
      expect(await show(on, on.strict)).toEqual(after);
      expect(await show(on, on.plain)).toEqual(before);
    },
  );
});

describe("a change of a policy", () => {
  let on: TwoApps;
  beforeEach(async () => {
    on = await startTwoApps({});
  });
  afterEach(async () => {
    await on.stop();
  });

  it("acts on challenges that are live where it forbids sign-in by code, and not on their length and life", async () => {
    const { web } = on.strict;
    const challenge = await on.send(web);
    await on.change("strict", { codeSignIn: false, codeLength: 8, codeTtlMs: second });
    on.server.clock.advance(minute);
    const resend = { identifier: { case: "challengeId" as const, value: challenge.challengeId } };
    expect(await resultOf(web.sendOtp(resend))).toBe("PURPOSE_NOT_ALLOWED");
    expect(await resultOf(on.redeem(web, challenge))).toBe("PURPOSE_NOT_ALLOWED");
    await on.change("strict", { codeSignIn: true });
    expect((await web.sendOtp(resend)).challenge?.codeLength).toBe(6);
    expect(await resultOf(on.redeem(web, challenge))).toBe("ok");
  });

  it("that makes the lives of tokens longer gives no longer life to tokens that were signed before", async () => {
    await on.change("strict", { accessTokenTtlMs: minute });
    const { tokens } = await signIn(on, on.strict);
    await on.change("strict", { accessTokenTtlMs: hour });
    on.server.clock.advance(2 * minute);
    expect(await resultOf(on.strict.web.getCurrentUser({}, bearer(tokens!.accessToken)))).toBe("TOKEN_INVALID");
  });
});
