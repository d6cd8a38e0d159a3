import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { wrongCode } from "../../../support/calls.js";
import { testEngines } from "../../../support/engines.js";
import {
  type Bridgekeeper,
  byEmail,
  byPhone,
  email,
  failed,
  linked,
  mismatch,
  noLogin,
  phone,
  result,
  sentByEmail,
  sentBySms,
  startBridgekeeper,
} from "./bridgekeeper-fixtures.js";

describe.each(testEngines())("Bridgekeeper's accounts on $engine", ({ database }) => {
  let on: Bridgekeeper;
  beforeEach(async () => {
    on = await startBridgekeeper(await database());
  });
  afterEach(() => on.stop());

  describe("sign-up", () => {
    const signup = (body: object) => on.call("POST", "/signup", { body });

    it("makes a user with the name of the request and signs them in", async () => {
      await on.send({ email, "always-send": true });
      const answer = await signup({
        name: "John Doe",
        email,
        otp: await on.codeTo(email),
        username: email,
        password: "unused",
      });
      expect(result(answer)).toEqual({ status: 200, body: { user: { ...byEmail, name: "John Doe" } } });
      expect((await on.call("GET", "/users/me", { headers: answer.session })).status).toBe(200);
    });

    it("with dont-login makes the user without a session", async () => {
      await on.send({ "phone-number": phone, "always-send": true });
      const body = { name: "John Doe", "login-phone-number": phone, email, otp: await on.codeTo(phone), "dont-login": true };
      const answer = await signup(body);
      expect(result(answer)).toEqual({ status: 200, body: { user: { ...byPhone, name: "John Doe" } } });
      expect([answer.cookie, answer.headers.get("x-qt-auth")]).toEqual(["", null]);
      const { users: made } = await on.users.listUsers({ appId: "default" });
      const { sessions } = await on.users.listUserSessions({ appId: "default", userId: made[0]!.userId });
      expect(sessions).toEqual([]);
    });

    it("of a user signs in and changes nothing", async () => {
      await on.users.createUser({ appId: "default", email, displayName: "Ada" });
      await on.send({ email, "always-send": true });
      const answer = await signup({ name: "Mallory", email, otp: await on.codeTo(email) });
      expect(answer).toMatchObject({ status: 200, body: { user: { name: "Ada" } } });
    });
  });

  describe("a signed-in user", () => {
    const update = (body: object, headers: Readonly<Record<string, string>>) =>
      on.call("POST", "/users/update-with-otp", { body, headers });

    it("gets a code by an empty body at the e-mail address, or at the medium that is asked for", async () => {
      const { session } = await on.signIn({ "phone-number": phone }, phone);
      const link = { "always-send": true, email };
      await on.send(link, session);
      await update({ otp: await on.codeTo(email), user: { email, "verification-status": "email" } }, session);
      on.clock.advance(120_000);
      const empty = await on.call("POST", "/users/send-otp", { headers: session });
      expect(result(empty)).toEqual({ status: 200, body: { message: sentByEmail } });
      const own = await update({ otp: await on.codeTo(email, 2), user: { "verification-status": "email" } }, session);
      expect(own).toMatchObject({ status: 200, body: { user: { email, "verification-status": "email" } } });
      const bySms = await on.send({ mediums: ["phone-number"] }, session);
      expect(result(bySms)).toEqual({ status: 200, body: { message: sentBySms } });
    });

    it("links a phone number as the official page does it", async () => {
      const { session } = await on.signIn({ email }, email);
      expect(result(await on.send({ "always-send": true, "phone-number": phone }, session))).toEqual({
        status: 200,
        body: { message: sentBySms },
      });
      const code = await on.codeTo(phone);
      const wanted = { "login-phone-number": phone, "phone-number": 9888888888, "verification-status": "phone" };
      expect(result(await update({ otp: wrongCode(code), user: wanted }, session))).toEqual(mismatch);
      expect(result(await update({ otp: code, user: wanted }, {}))).toEqual({ status: 401, body: noLogin });
      const right = await update({ otp: code, user: wanted }, session);
      expect(result(right)).toEqual({ status: 200, body: { user: linked } });
      on.clock.advance(60_000);
      await on.call("GET", "/logout", { headers: session });
      await on.send({ "phone-number": phone });
      const again = await on.login({ "phone-number": phone, otp: await on.codeTo(phone, 2) });
      expect(again).toMatchObject({ status: 200, body: { user: { email } } });
    });

    it("can't take another user's contact, and needs a recent sign-in to link one", async () => {
      await on.users.createUser({ appId: "default", phone });
      await on.send({ "phone-number": phone });
      await on.login({ "phone-number": phone, otp: await on.codeTo(phone) });
      const { session } = await on.signIn({ email }, email);
      on.clock.advance(60_000);
      await on.send({ "phone-number": phone }, session);
      const taken = await update({ otp: await on.codeTo(phone, 2), user: { "login-phone-number": phone } }, session);
      expect(result(taken)).toEqual({ status: 409, body: failed() });
      on.clock.advance(11 * 60_000);
      const late = await on.send({ "phone-number": "+919888888889" }, session);
      expect(result(late)).toEqual({ status: 403, body: failed(expect.stringContaining("recent sign-in")) });
    });

    it("changes the name", async () => {
      const { session } = await on.signIn({ email }, email);
      const named = await on.call("POST", "/users/profile", {
        body: { name: "John Doe", "temp-s3-key": "x" },
        headers: session,
      });
      expect(result(named)).toEqual({ status: 200, body: { user: { ...byEmail, name: "John Doe" } } });
    });
  });
});
