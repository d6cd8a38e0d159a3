import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Challenge } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { ContactKind } from "../../src/gen/latchkey/v1/user_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, together } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("registration on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  async function redeem(challenge: Challenge | undefined) {
    const { challengeId, code } = await on.messageOf(challenge);
    return await on.auth.verifyOtp({ challengeId, code });
  }

  it("makes the user when the last of its contacts is proven, in either order, with exactly the proven contacts", async () => {
    for (const [index, order] of [
      [0, 1],
      [1, 0],
    ].entries()) {
      const profile = {
        email: `two${index}@example.com`,
        phone: `+4670123456${index}`,
        username: `two${index}`,
        displayName: "Two",
      };
      const { challenges } = await on.auth.registerUser({ ...profile, locale: "sv", customAttributes: { plan: "basic" } });
      const pending = await redeem(challenges[order[0]!]);
      expect(pending.tokens).toBeUndefined();
      expect(pending.registration!.pendingSources).toEqual([order[0] === 0 ? ContactKind.PHONE : ContactKind.EMAIL]);
      const done = await redeem(challenges[order[1]!]);
      expect(done).toMatchObject({ isNewUser: true, user: { username: `two${index}`, displayName: "Two", locale: "sv" } });
      expect(done.user!.customAttributes).toEqual({ plan: "basic" });
      expect(done.user!.contacts.map(({ value }) => value).sort()).toEqual([profile.phone, profile.email].sort());
    }
  });

  it("holds nothing while it is pending: LOGIN of its contact is one of nobody, and somebody else can register the same", async () => {
    await on.auth.registerUser({ email: "contested@example.com", username: "contested" });
    on.clock.advance(60_000);
    const second = await on.authFrom("203.0.113.9").registerUser({ email: "contested@example.com", username: "contested" });
    expect(await redeem(second.challenges[0])).toMatchObject({ isNewUser: true, usernameTaken: false });
  });

  it("of two registrations of one contact the first to prove it makes the user, the other signs that user in", async () => {
    const [one, two] = [
      await on.auth.registerUser({ email: "race@example.com", displayName: "One" }),
      await on.authFrom("203.0.113.9").registerUser({ email: "race@example.com", displayName: "Two" }),
    ];
    const messages = await Promise.all([on.messageOf(one.challenges[0]), on.messageOf(two.challenges[0])]);
    const { results } = await together(20, (n) => {
      const { challengeId, code } = messages[n % 2]!;
      return on.auth.verifyOtp({ challengeId, code });
    });
    expect(results.filter(({ isNewUser }) => isNewUser).length).toBe(1);
    expect(new Set(results.map(({ user }) => user!.userId)).size).toBe(1);
  });

  it("says that a user name is taken only to who proved a contact, and makes the user without it", async () => {
    const first = await on.auth.registerUser({ email: "first@example.com", username: "Chosen" });
    await redeem(first.challenges[0]);
    const second = await on.auth.registerUser({ email: "second@example.com", username: "chosen" });
    expect(await redeem(second.challenges[0])).toMatchObject({ isNewUser: true, usernameTaken: true, user: { username: "" } });
  });

  it("leaves a contact out that got a user of its own between its proof and the last one", async () => {
    const { challenges } = await on.auth.registerUser({ email: "gone@example.com", phone: "+46701234567" });
    await redeem(challenges[0]);
    on.clock.advance(60_000);
    const owner = await signIn(on, "gone@example.com");
    const done = await redeem(challenges[1]);
    expect(done.isNewUser).toBe(true);
    expect(done.user!.contacts.map(({ value }) => value)).toEqual(["+46701234567"]);
    expect(done.user!.userId).not.toBe(owner.user!.userId);
  });

  it("never lets roles, ids or states be chosen: unknown fields and refused keys are refused, and nothing is polluted", async () => {
    const base = `http://127.0.0.1:${on.app.httpPort}/latchkey.v1.AuthService/RegisterUser`;
    const post = (body: string) =>
      fetch(base, { method: "POST", body, headers: { "content-type": "application/json", "connect-protocol-version": "1" } });
    for (const name of ["__proto__", "constructor", "prototype"]) {
      const body = `{"email":"evil@example.com","customAttributes":{"a":{"${name}":{"isAdmin":true}}}}`;
      expect((await post(body)).status).toBe(400);
    }
    for (const field of [
      '"roles":["admin"]',
      '"userId":"1"',
      '"state":"USER_STATE_ACTIVE"',
      '"verificationSources":["BOGUS"]',
    ]) {
      expect((await post(`{"email":"evil@example.com",${field}}`)).status, field).toBe(400);
    }
    const sent = await post('{"email":"mass@example.com"}');
    const { challenges } = (await sent.json()) as { challenges: { challengeId: string }[] };
    const { challengeId, code } = await on.messageOf(challenges[0]);
    const { user, tokens } = await on.auth.verifyOtp({ challengeId, code });
    expect(user!.customAttributes ?? {}).toEqual({});
    const charges = JSON.parse(Buffer.from(tokens!.accessToken.split(".")[1]!, "base64url").toString()) as object;
    expect(Object.keys(charges).sort()).toEqual([
      "amr",
      "aud",
      "auth_time",
      "client_id",
      "exp",
      "iat",
      "iss",
      "jti",
      "sid",
      "sub",
    ]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it("refuses what it can't use, field by field, before anything is stored or sent", async () => {
    const table: readonly [object, string][] = [
      [{}, "email"],
      [{ email: "not an address" }, "email"],
      [{ email: "a＠example.com" }, "email"],
      [{ email: "a@exa mple.com" }, "email"],
      [{ phone: "0701234567" }, "phone"],
      [{ phone: "+46701234567;ext=5" }, "phone"],
      [{ email: "a@example.com", username: "a" }, "username"],
      [{ email: "a@example.com", username: "\u212Aelvin" }, "username"],
      [{ email: "a@example.com", username: "a@b" }, "username"],
      [{ email: "a@example.com", verificationSources: [ContactKind.PHONE] }, "verification_sources"],
      [{ email: "a@example.com", locale: "../../etc" }, "locale"],
      [{ email: "a@example.com", displayName: "a\r\nBcc: b" }, "display_name"],
      [{ email: "a@example.com", idempotencyKey: "short" }, "idempotency_key"],
    ];
    for (const [request] of table) {
      expect(await refused(on.auth.registerUser(request)), JSON.stringify(request)).toMatchObject({
        reason: "REQUEST_INVALID",
      });
    }
    expect(await on.messages("a@example.com", 0)).toEqual([]);
  });

  it("spellings of one address are one user", async () => {
    const { user } = await signIn(on, "Case@Example.COM");
    on.clock.advance(60 * 60_000);
    expect((await signIn(on, "case@example.com")).user!.userId).toBe(user!.userId);
    const { tokens } = await signIn(on, "cAsE@eXample.com").catch(async () => {
      on.clock.advance(60 * 60_000);
      return await signIn(on, "cAsE@eXample.com");
    });
    expect((await on.auth.getCurrentUser({}, bearer(tokens.accessToken))).user!.contacts[0]!.value).toBe("case@example.com");
  });
});
