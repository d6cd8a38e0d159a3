import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { refusalOf, refused, together, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";
import { watchedHasher } from "../support/hasher.js";
import { type Auth, startTwoApps, type TwoApps } from "./two-apps.js";

const minute = 60_000;
const failuresMax = 3;

describe.each(testEngines())("the lockout of an account, on $engine,", ({ database }) => {
  let on: TwoApps;
  let web: Auth;
  let backend: Auth;
  let hashes = 0;
  beforeAll(async () => {
    const codes = watchedHasher(() => {
      hashes += 1;
    });
    const policy = { lockoutFailures: failuresMax, lockoutDurationMs: 10 * minute };
    on = await startTwoApps(await database(), { policy, codes });
    ({ web, backend } = on.plain);
  });
  afterAll(() => on.stop());

  type Email = ReturnType<TwoApps["newEmail"]>;
  /** A person with an account, past the cooldown of the sign-in. */
  async function person(): Promise<Email> {
    const identifier = on.newEmail();
    await on.redeem(web, await on.send(web, identifier));
    on.server.clock.advance(minute);
    return identifier;
  }
  async function sent(auth: Auth, identifier: Email) {
    const { challenge } = await auth.sendOtp({ identifier });
    const { challengeId, code } = await on.server.messageOf(challenge);
    return { challengeId, code };
  }
  async function fail(auth: Auth, { challengeId, code }: { challengeId: string; code: string }, times = failuresMax) {
    for (let n = 0; n < times; n += 1) await refused(auth.verifyOtp({ challengeId, code: wrongCode(code, n) }));
  }

  it("begins after consecutive wrong codes, refuses the right one, and ends after its time", async () => {
    const identifier = await person();
    const first = await sent(web, identifier);
    await fail(web, first);
    expect((await refused(web.verifyOtp(first))).reason).toBe("CODE_INVALID");
    on.server.clock.advance(9 * minute);
    const second = await sent(web, identifier);
    expect((await refused(web.verifyOtp(second))).reason).toBe("CODE_INVALID");
    on.server.clock.advance(2 * minute);
    expect((await web.verifyOtp(second)).tokens).toBeDefined();
  });

  it("counts over all challenges, identifiers and clients of the app, and a success begins the count again", async () => {
    const { challenges } = await web.registerUser({
      email: on.newEmail().value,
      username: `locked${on.server.clock()}`.slice(0, 20),
    });
    const { user } = await on.redeem(web, challenges[0]!);
    on.server.clock.advance(minute);
    const byName = await web.sendOtp({ identifier: { case: "username", value: user!.username } });
    const named = await on.server.messageOf(byName.challenge);
    const identifier = { case: "email" as const, value: user!.contacts[0]!.value };
    await fail(web, named, 2);
    expect((await web.verifyOtp({ challengeId: named.challengeId, code: named.code })).tokens).toBeDefined();
    on.server.clock.advance(2 * minute);
    const [one, other] = [await sent(web, identifier), await sent(backend, identifier)];
    await fail(web, one, 1);
    await fail(backend, other, 2);
    expect((await refused(web.verifyOtp(one))).reason).toBe("CODE_INVALID");
    expect((await refused(backend.verifyOtp(other))).reason).toBe("ACCOUNT_LOCKED");
  });

  it("is told to confidential clients by every call, with the time that is left, and nothing is sent meanwhile", async () => {
    const identifier = await person();
    const challenge = await sent(backend, identifier);
    await fail(backend, challenge);
    on.server.clock.advance(4 * minute);
    const locked = { code: "FailedPrecondition", reason: "ACCOUNT_LOCKED", retryAfterMs: 6 * minute };
    const { challengeId, code } = challenge;
    for (const call of [
      () => backend.verifyOtp({ challengeId, code }),
      () => backend.verifyOtp({ identifier, code: wrongCode(code) }),
      () => backend.sendOtp({ identifier }),
      () => backend.sendOtp({ identifier, reuseLive: true }),
      () => backend.sendOtp({ identifier: { case: "challengeId", value: challengeId } }),
    ]) {
      expect(await refused(call())).toMatchObject(locked);
    }
    expect(await on.elsewhere.challenges.find(challengeId)).toMatchObject({ sends: 1, attempts: 5, consumedAt: null });
    on.server.clock.advance(7 * minute);
    expect((await on.redeem(backend, (await backend.sendOtp({ identifier })).challenge!)).tokens).toBeDefined();
  });

  it("costs a guess the same while it lasts: one attempt and one hash, whether the code is right or wrong", async () => {
    const identifier = await person();
    const challenge = await sent(web, identifier);
    await fail(web, challenge);
    const { challengeId, code } = challenge;
    for (const [guess, attempts] of [
      [wrongCode(code), failuresMax + 1],
      [code, failuresMax + 2],
    ] as const) {
      const before = hashes;
      await refused(web.verifyOtp({ challengeId, code: guess }));
      expect(hashes).toBe(before + 1);
      expect((await on.elsewhere.challenges.find(challengeId))?.attempts).toBe(attempts);
    }
  });

  it("is the account's in one app: the same person signs in at another app of the pool", async () => {
    const identifier = await person();
    await fail(web, await sent(web, identifier));
    // The pause between two sends of one address holds over all apps of the pool.
    on.server.clock.advance(minute);
    const { web: elsewhere } = on.strict;
    expect((await on.redeem(elsewhere, await on.send(elsewhere, identifier))).tokens).toBeDefined();
    on.server.clock.advance(minute);
    expect((await refused(backend.sendOtp({ identifier }))).reason).toBe("ACCOUNT_LOCKED");
  });

  it("leaves sessions that exist alone: they refresh, and their user may act", async () => {
    const identifier = on.newEmail();
    const { tokens } = await on.redeem(web, await on.send(web, identifier));
    on.server.clock.advance(minute);
    await fail(web, await sent(web, identifier));
    const renewed = await web.refreshToken({ refreshToken: tokens!.refreshToken });
    const headers = { authorization: `Bearer ${renewed.tokens!.accessToken}` };
    expect((await web.getCurrentUser({}, { headers })).user?.contacts[0]?.value).toBe(identifier.value);
  });

  it("is not passed by guesses that race: of parallel guesses none succeeds once the failures are reached", async () => {
    const identifier = await person();
    const { challengeId, code } = await sent(web, identifier);
    await fail(web, { challengeId, code }, failuresMax - 1);
    const guesses = [wrongCode(code, 7), wrongCode(code, 8), wrongCode(code, 9)];
    await together(3, (n) => web.verifyOtp({ challengeId, code: guesses[n]! }));
    on.server.clock.advance(minute);
    const second = await sent(web, identifier);
    const { results, reasons } = await together(4, () => web.verifyOtp(second));
    expect([results.length, reasons]).toEqual([0, { CODE_INVALID: 4 }]);
  });

  describe("is hidden from public clients", () => {
    /** A call of the public client as it is on the wire, without ids and what depends on chance. */
    async function raw(method: string, request: object) {
      const response = await fetch(`http://127.0.0.1:${on.server.app.httpPort}/latchkey.v1.AuthService/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json", "connect-protocol-version": "1", "x-latchkey-client": "plain-web" },
        body: JSON.stringify(request),
      });
      const text = await response.text();
      const body = text
        .replace(/"challengeId":"[^"]*"/g, '"challengeId":"…"')
        .replace(/"(resendAt|retryDelay|value|maskedDestination)":"[^"]*"/g, '"$1":"…"')
        .replace(/Try again in \d+ (second|minute)s?/, "Try again in …");
      const headers = [...response.headers].filter(([name]) => !["date", "retry-after", "content-length"].includes(name));
      const json = JSON.parse(text) as { challenge?: { challengeId: string }; challenges?: { challengeId: string }[] };
      return { wire: { status: response.status, headers, body }, json };
    }

    it("a locked account, one that is not locked and nobody's answer alike, byte for byte, on every call", async () => {
      const arms = { locked: await person(), unlocked: await person(), nobodys: on.newEmail() };
      const wires: Record<string, unknown[]> = {};
      on.server.clock.advance(20 * minute);
      const { code } = await sent(web, arms.locked).then(async (challenge) => {
        await fail(web, challenge);
        return challenge;
      });
      on.server.clock.advance(minute);
      // Before the calls below, the arms have had as many sends and guesses.
      for (const arm of [arms.unlocked, arms.nobodys]) {
        const { challenge } = await web.sendOtp({ identifier: arm });
        if (arm === arms.nobodys) continue;
        await refused(web.verifyOtp({ challengeId: challenge!.challengeId, code: wrongCode(code) }));
      }
      for (const [name, { value: email }] of Object.entries(arms)) {
        on.server.clock.advance(2 * minute);
        const wire: unknown[] = [];
        const note = async (method: string, request: object) => {
          const answer = await raw(method, request);
          wire.push([method, answer.wire]);
          return answer.json;
        };
        const sentTo = await note("SendOtp", { email });
        const { challengeId } = sentTo.challenge!;
        for (let n = 0; n < 3; n += 1) await note("VerifyOtp", { challengeId, code: String(n).padStart(6, "0") });
        await note("VerifyOtp", { email, code: "000009" });
        await note("SendOtp", { email });
        on.server.clock.advance(2 * minute);
        await note("SendOtp", { challengeId });
        on.server.clock.advance(4 * minute);
        await note("SendOtp", { email, reuseLive: true });
        await note("SendOtp", { email, purpose: "PURPOSE_VERIFY_CONTACT" });
        await note("RegisterUser", { email });
        wires[name] = wire.map((one) =>
          JSON.parse(
            JSON.stringify(one, (key, text) =>
              key === "body" ? text.replace(/"expiresAt":"[^"]*"/, '"expiresAt":"…"') : text,
            ),
          ),
        );
      }
      expect(wires.locked).toEqual(wires.unlocked);
      expect(wires.nobodys).toEqual(wires.unlocked);
    });

    it("a decoy locks as an account does, so that a confidential client learns nothing of who is a user", async () => {
      const seen: unknown[] = [];
      for (const identifier of [await person(), on.newEmail()]) {
        on.server.clock.advance(minute);
        const { challengeId } = (await backend.sendOtp({ identifier })).challenge!;
        const answers: unknown[] = [];
        for (let n = 0; n < 5; n += 1) {
          const guess = backend.verifyOtp({ challengeId, code: String(n).padStart(6, "0") });
          answers.push(await guess.then(() => "redeemed", refusalOf));
        }
        on.server.clock.advance(minute);
        answers.push(await backend.sendOtp({ identifier }).then(() => "sent", refusalOf));
        seen.push(answers);
      }
      expect(seen[1]).toEqual(seen[0]);
      expect((seen[0] as { reason: string }[]).map(({ reason }) => reason)).toEqual([
        ...Array.from({ length: failuresMax }, () => "CODE_INVALID"),
        ...Array.from({ length: 2 }, () => "ACCOUNT_LOCKED"),
        "ACCOUNT_LOCKED",
      ]);
    });
  });
});
