import { createLocalJWKSet, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Channel } from "../../../../src/gen/latchkey/v1/challenge_pb.js";
import { wrongCode } from "../../../support/calls.js";
import { testEngines } from "../../../support/engines.js";
import {
  bearer,
  email,
  expired,
  failed,
  failedOld,
  phone,
  result,
  type Session,
  type Supabase,
  sessionOf,
  startSupabase,
  text,
  userOf,
  uuid,
} from "./supabase-fixtures.js";

const minute = 60_000;
const stranger = { "x-forwarded-for": "198.51.100.9" };
const unused = { data: null, gotrue_meta_security: { captcha_token: null }, code_challenge: null };

describe.each(testEngines())("Supabase's sign-in on $engine", ({ database }) => {
  let on: Supabase;
  beforeEach(async () => {
    on = await startSupabase(await database());
  });
  afterEach(() => on.stop());

  const signOutOf = (session: Session, scope: string) => on.call("POST", `/logout?scope=${scope}`, undefined, bearer(session));
  const userBy = async (session: Session) => result(await on.call("GET", "/user", undefined, bearer(session)));
  const refresh = async (refresh_token: string) =>
    result(await on.call("POST", "/token?grant_type=refresh_token", { refresh_token }));

  it("signInWithOtp and verifyOtp by e-mail: nothing in the answer to the send, a session for the code", async () => {
    expect(await on.otp({ email, create_user: true, ...unused })).toEqual({ status: 200, body: {} });
    const token = await on.codeTo(email);
    expect(token).toMatch(/^\d{6}$/);
    const verified = await on.verify({ type: "email", email, token, gotrue_meta_security: {} });
    expect(verified).toEqual({ status: 200, body: sessionOf(userOf("email", email)) });

    const session = verified.body as unknown as Session;
    const jwks = (await on.call("GET", "/.well-known/jwks.json")).body as never;
    const { payload } = await jwtVerify(session.access_token, createLocalJWKSet(jwks), { currentDate: new Date(on.clock()) });
    expect(payload).toMatchObject({ sub: session.user.id, exp: session.expires_at });
    expect(await userBy(session)).toEqual({ status: 200, body: verified.body!.user });
  });

  it("signInWithOtp and verifyOtp by SMS: an id of the message, and a phone number with or without plus sign and spaces", async () => {
    expect(await on.otp({ phone, channel: "sms", ...unused })).toEqual({ status: 200, body: { message_id: uuid } });
    const token = await on.codeTo(phone);
    const grouped = `${token.slice(0, 3)}-${token.slice(3)}`;
    const verified = await on.verify({ type: "sms", phone: "1 234 567 8901", token: grouped });
    expect(verified).toEqual({ status: 200, body: sessionOf(userOf("phone", phone.slice(1))) });
  });

  it.each(["signup", "magiclink", "invite", "recovery"])(
    "verifyOtp with the type %s signs in by the code of a mail",
    async (type) => {
      await on.otp({ email });
      expect((await on.verify({ type, email, token: await on.codeTo(email) })).status).toBe(200);
    },
  );

  it("data of signInWithOtp becomes the metadata of a new user, and does not touch that of an old one", async () => {
    await on.otp({ email, data: { plan: "free", tags: ["a"] } });
    const first = await on.verify({ type: "email", email, token: await on.codeTo(email) });
    expect(first.body!.user).toMatchObject({ user_metadata: { plan: "free", tags: ["a"] } });
    on.clock.advance(minute);
    await on.otp({ email, data: { plan: "paid" } });
    const second = await on.verify({ type: "email", email, token: await on.codeTo(email, 2) });
    expect(second.body!.user).toMatchObject({ id: (first.body!.user as never as { id: string }).id });
    expect(second.body!.user).toMatchObject({ user_metadata: { plan: "free", tags: ["a"] } });
    const tooLarge = { phone, data: { text: "x".repeat(9_000) } };
    expect(await on.otp(tooLarge)).toEqual(failed(400, "validation_failed"));
    expect(await on.inbox()).toEqual([email, email]);
  });

  it("updateUser merges data, null removes a key, and what Latchkey does not change is refused", async () => {
    const session = await on.signIn();
    const update = async (body: object) => result(await on.call("PUT", "/user", body, bearer(session)));
    expect((await update({ data: { a: 1, b: { c: true } }, code_challenge: null })).body).toEqual(
      userOf("email", email, { a: 1, b: { c: true } }),
    );
    expect((await update({ data: { a: null, d: "x" }, password: "" })).body!.user_metadata).toEqual({ b: { c: true }, d: "x" });
    for (const refused of [
      { password: "secret" },
      { email: "eve@example.com" },
      { phone },
      { app_metadata: { role: "admin" } },
      { data: { constructor: 1 } },
    ])
      expect(await update({ data: { e: 1 }, ...refused }), JSON.stringify(refused)).toEqual(failed(400, "validation_failed"));
    expect(await userBy(session)).toMatchObject({ body: { email, phone: "", user_metadata: { b: { c: true }, d: "x" } } });
    expect((await on.inbox()).length).toBe(1);
    expect(result(await on.call("PUT", "/user", { data: { a: 1 } }))).toEqual(failed(401, "no_authorization"));
  });

  it("a repeated send and resend send the live code again, which a stranger's sends never replace", async () => {
    await on.otp({ email });
    const token = await on.codeTo(email);
    for (const [index, headers] of [{}, stranger, stranger].entries()) {
      on.clock.advance(minute);
      const again = index === 1 ? on.otp({ email }, headers) : on.call("POST", "/resend", { type: "signup", email }, headers);
      expect(result(await again)).toEqual({ status: 200, body: {} });
    }
    const codes = (await on.messages(email, 4)).map(({ code }) => code);
    expect(codes.filter((code) => code === token)).toHaveLength(2);
    const [strangers] = codes;
    expect(await on.verify({ type: "email", email, token: strangers! })).toEqual(expired);
    expect(await on.verify({ type: "email", email, token }, stranger)).toEqual(expired);
    expect((await on.verify({ type: "email", email, token })).status).toBe(200);
  });

  it("resend by SMS has the id of the message, and contact changes are refused with a sentence", async () => {
    const sent = await on.otp({ phone });
    on.clock.advance(minute);
    expect(result(await on.call("POST", "/resend", { type: "sms", phone }))).toEqual(sent);
    for (const body of [
      { type: "phone_change", phone },
      { type: "email_change", email },
    ])
      expect(result(await on.call("POST", "/resend", body))).toEqual(
        failed(400, "validation_failed", expect.stringContaining("StartContactChange")),
      );
    expect((await on.messages(phone, 2)).length).toBe(2);
    expect(await on.inbox()).toEqual([phone, phone]);
  });

  it("refresh tokens rotate; for 60 s a used one gives the same successor, and later it ends the session", async () => {
    const session = await on.signIn();
    const first = await refresh(session.refresh_token);
    expect(first).toEqual({ status: 200, body: sessionOf(userOf("email", email)) });
    expect(first.body!.user).toEqual(session.user);
    on.clock.advance(59_000);
    expect((await refresh(session.refresh_token)).body!.refresh_token).toBe(first.body!.refresh_token);
    on.clock.advance(2_000);
    expect(await refresh(session.refresh_token)).toEqual(
      failed(400, "refresh_token_already_used", "Invalid Refresh Token: Already Used"),
    );
    const gone = failed(400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found");
    for (const token of [first.body!.refresh_token as string, "abcdefghijkl", "x".repeat(5_000)])
      expect(await refresh(token)).toEqual(gone);
    expect(await userBy(session)).toEqual(failed(403, "bad_jwt"));
  });

  it("the app's own grace and length of codes come before Supabase's", async () => {
    await on.apps.updatePolicy({
      appId: "default",
      policy: { refreshGrace: { seconds: 5n }, codeLength: 8 },
      updateMask: { paths: ["refresh_grace", "code_length"] },
    });
    const session = await on.signIn();
    expect(await on.codeTo(email)).toMatch(/^\d{8}$/);
    await refresh(session.refresh_token);
    on.clock.advance(6_000);
    expect(await refresh(session.refresh_token)).toEqual(failed(400, "refresh_token_already_used"));
  });

  it("signOut ends this session, the others or all", async () => {
    const sessions: Session[] = [];
    for (let n = 0; n < 3; n += 1) {
      sessions.push(await on.signIn(email, n));
      on.clock.advance(minute);
    }
    const live = async () => await Promise.all(sessions.map(async (one) => (await userBy(one)).status === 200));
    expect(result(await signOutOf(sessions[0]!, "local"))).toEqual({ status: 204, body: null });
    expect(await live()).toEqual([false, true, true]);
    expect(result(await signOutOf(sessions[1]!, "everywhere"))).toEqual(failed(400, "validation_failed"));
    expect(result(await signOutOf(sessions[1]!, "others"))).toEqual({ status: 204, body: null });
    expect(await live()).toEqual([false, true, false]);
    expect(result(await signOutOf(sessions[2]!, "global"))).toEqual(failed(403, "bad_jwt"));
    on.clock.advance(minute);
    sessions[2] = await on.signIn(email, 3);
    expect(result(await on.call("POST", "/logout", undefined, bearer(sessions[1]!)))).toEqual({ status: 204, body: null });
    expect(await live()).toEqual([false, false, false]);
    expect(await refresh(sessions[2]!.refresh_token)).toEqual(failed(400, "refresh_token_not_found"));
  });

  it("a wrong code, an expired, a used and an unknown one get one answer", async () => {
    await on.otp({ email });
    const token = await on.codeTo(email);
    const by = (one: string, to = email) => on.verify({ type: "email", email: to, token: one });
    expect(await by(wrongCode(token))).toEqual(expired);
    expect(await by("not a code")).toEqual(expired);
    expect(await by(token, "eve@example.com")).toEqual(expired);
    expect((await by(token)).status).toBe(200);
    expect(await by(token)).toEqual(expired);
    on.clock.advance(minute);
    await on.otp({ email });
    const late = await on.codeTo(email, 2);
    on.clock.advance(5 * minute);
    expect(await by(late)).toEqual(expired);
  });

  it("known, locked and unknown people get equal answers, and only the known one a message", async () => {
    await on.apps.updatePolicy({
      appId: "default",
      policy: { autoRegistration: false },
      updateMask: { paths: ["auto_registration"] },
    });
    const [known, locked, unknown] = ["+12345678901", "+12345678902", "+12345678903"];
    await on.users.createUser({ appId: "default", phone: known! });
    const { user } = await on.users.createUser({ appId: "default", phone: locked! });
    await on.users.lockUser({ appId: "default", userId: user!.userId });
    for (const create_user of [true, false]) {
      for (const to of [known!, locked!, unknown!]) {
        expect(await on.otp({ phone: to, create_user, data: { a: 1 } })).toEqual({ status: 200, body: { message_id: uuid } });
        expect(await on.verify({ type: "sms", phone: to, token: "12" })).toEqual(expired);
        expect(await on.otp({ phone: to, create_user })).toEqual(
          failed(429, "over_sms_send_rate_limit", expect.stringMatching(/^For security purposes, .* after \d+ seconds\.$/)),
        );
      }
      on.clock.advance(2 * minute);
    }
    await on.messages(known!, 2);
    expect(new Set(await on.inbox())).toEqual(new Set([known]));
  });

  it("in an app that reveals its users create_user false refuses an unknown one in Supabase's words", async () => {
    await on.apps.updatePolicy({ appId: "default", policy: { revealUsers: true }, updateMask: { paths: ["reveal_users"] } });
    await on.users.createUser({ appId: "default", phone });
    expect(await on.otp({ phone, create_user: false })).toEqual({ status: 200, body: { message_id: uuid } });
    const refused = failed(422, "otp_disabled", "Signups not allowed for otp");
    expect(await on.otp({ email, create_user: false })).toEqual(refused);
    expect(await on.otp({ email: "eve@example.com" })).toEqual({ status: 200, body: {} });
    await on.apps.updatePolicy({
      appId: "default",
      policy: { autoRegistration: false },
      updateMask: { paths: ["auto_registration"] },
    });
    expect(result(await on.call("POST", "/resend", { type: "signup", email: "x@example.com" }))).toEqual({
      status: 200,
      body: {},
    });
    await on.messages("eve@example.com");
    expect(new Set(await on.inbox())).toEqual(new Set([phone, "eve@example.com"]));
  });

  it("create_user false registers no one", async () => {
    await on.otp({ email, create_user: false });
    expect(await on.verify({ type: "email", email, token: "123456" })).toEqual(expired);
    await on.signIn("ada2@example.com");
    expect(await on.inbox()).toEqual(["ada2@example.com"]);
  });

  it("errors have a text as code for callers that name the version of the API, and a number for others", async () => {
    const wrong = { type: "email", email, token: "123456" };
    const current = await on.call("POST", "/verify", wrong, { "x-supabase-api-version": "2025-06-01" });
    expect(result(current)).toEqual(expired);
    expect(current.headers.get("x-supabase-api-version")).toBe("2024-01-01");
    for (const version of ["2023-12-31", "latest"]) {
      const old = await on.call("POST", "/verify", wrong, { "x-supabase-api-version": version });
      expect(result(old)).toEqual(failedOld(403, "otp_expired", "Token has expired or is invalid"));
      expect(old.headers.has("x-supabase-api-version")).toBe(false);
      expect(old.headers.get("x-sb-error-code")).toBe("otp_expired");
    }
  });

  it.each([
    ["no contact", "/otp", {}, "One of email or phone must be set"],
    ["two contacts", "/otp", { email, phone }, "Only an email address or phone number should be provided"],
    ["a channel for a mail", "/otp", { email, channel: "sms" }, "Channel should only be specified with Phone OTP"],
    ["an unknown channel", "/otp", { phone, channel: "pigeon" }, "Invalid channel, supported values are 'sms' or 'whatsapp'"],
    ["a word as phone number", "/otp", { phone: "ada" }, "Invalid phone number format (E.164 required)"],
    ["an address that is none", "/otp", { email: "ada" }, text],
    ["no type", "/verify", { email, token: "123456" }, "Verify requires a verification type"],
    ["no token", "/verify", { type: "email", email }, "Verify requires a token or a token hash"],
    [
      "a token_hash and an address",
      "/verify",
      { type: "email", token_hash: "a", email },
      "Only the token_hash and type should be provided",
    ],
    ["a token_hash", "/verify", { type: "email", token_hash: "a" }, expect.stringContaining("token_hash is not offered")],
    ["a type for mails and a number", "/verify", { type: "email", phone, token: "123456" }, "Invalid sms verification type"],
    [
      "a type for numbers and an address",
      "/verify",
      { type: "sms", email, token: "123456" },
      "Invalid email verification type",
    ],
    ["a contact change", "/verify", { type: "phone_change", phone, token: "123456" }, expect.stringContaining("not offered")],
    [
      "an unknown type of resend",
      "/resend",
      { type: "magiclink", email },
      expect.stringContaining("Missing one of these types"),
    ],
    ["no refresh token", "/token?grant_type=refresh_token", {}, "refresh_token required"],
    ["an unknown grant", "/token", { refresh_token: "a" }, "unsupported_grant_type"],
  ])("a request with %s is refused in Supabase's words", async (_, path, body, message) => {
    expect(result(await on.call("POST", path, body))).toEqual(failed(400, "validation_failed", message));
    expect(await on.inbox()).toEqual([]);
  });

  it("channels and countries that the app does not have are refused in Supabase's words", async () => {
    expect(await on.otp({ phone: "+46701234567", channel: "whatsapp" })).toMatchObject({ status: 200 });
    await on.apps.updatePolicy({
      appId: "default",
      policy: { channels: { channels: [Channel.SMS] }, smsCountries: { codes: ["SE"] } },
      updateMask: { paths: ["channels", "sms_countries"] },
    });
    expect(await on.otp({ email })).toEqual(failed(400, "email_provider_disabled"));
    expect(await on.otp({ phone, channel: "whatsapp" })).toEqual(failed(400, "phone_provider_disabled"));
    expect(await on.otp({ phone: "+442079460123" })).toEqual(failed(422, "sms_send_failed"));
    await on.apps.updatePolicy({ appId: "default", policy: { codeSignIn: false }, updateMask: { paths: ["code_sign_in"] } });
    expect(await on.otp({ phone: "+46701234567" })).toEqual(failed(422, "otp_disabled"));
  });
});
