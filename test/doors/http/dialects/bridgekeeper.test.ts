import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testEngines } from "../../../support/engines.js";
import {
  type Bridgekeeper,
  byPhone,
  email,
  failed,
  integer,
  mismatch,
  noLogin,
  phone,
  result,
  sentByEmail,
  startBridgekeeper,
} from "./bridgekeeper-fixtures.js";

describe.each(testEngines())("Bridgekeeper's sign-in on $engine", ({ database }) => {
  let on: Bridgekeeper;
  beforeEach(async () => {
    on = await startBridgekeeper(await database());
  });
  afterEach(() => on.stop());

  it("a sign-in sets qt-auth for all paths and out of the reach of scripts, and programs get it as x-qt-auth too", async () => {
    const { cookie, session, headers } = await on.signIn({ email }, email);
    expect(cookie).toMatch(/^qt-auth=lkc_[\w-]{43}; Path=\/; Max-Age=\d+; HttpOnly; SameSite=Lax$/);
    const credential = headers.get("x-qt-auth")!;
    expect(session.cookie).toBe(`qt-auth=${credential}`);
    const byHeader = await on.call("GET", "/users/me", { headers: { "x-qt-auth": credential } });
    expect(byHeader).toMatchObject({ status: 200, body: { user: { email } } });
    const withDummy = await on.call("GET", "/users/me", { headers: { ...session, "x-qt-auth": "dummy" } });
    expect(withDummy.status).toBe(200);
    const twoCookies = await on.call("GET", "/users/me", { headers: { cookie: `${session.cookie}; qt-auth=other` } });
    expect(result(twoCookies)).toEqual({ status: 401, body: noLogin });
  });

  it("a browser gets the session in the cookie alone", async () => {
    await on.send({ email, "always-send": true });
    const body = { email, otp: await on.codeTo(email), "auto-signup": true };
    const answer = await on.login(body, { "sec-fetch-site": "same-origin" });
    expect(answer.cookie).toMatch(/^qt-auth=lkc_/);
    expect(answer.headers.has("x-qt-auth")).toBe(false);
  });

  it("with an HTTPS issuer the cookie is Secure", async () => {
    await on.stop();
    on = await startBridgekeeper({ ...(await database()), LATCHKEY_ISSUER: "https://auth.example.com" });
    expect((await on.signIn({ email }, email)).cookie).toMatch(/; Secure; HttpOnly; SameSite=Lax$/);
  });

  it("sessions are checked, listed and ended", async () => {
    const { session } = await on.signIn({ "phone-number": phone }, phone);
    const body = { user: byPhone, "active-sessions-count": 1, source: "bridgekeeper" };
    for (const method of ["GET", "POST"]) {
      expect(result(await on.call(method, "/sessions/validate", { headers: session }))).toEqual({ status: 200, body });
      expect(result(await on.call(method, "/sessions/validate"))).toEqual({ status: 401, body: noLogin });
    }
    const listed = await on.call("GET", "/sessions", { headers: session });
    expect(result(listed)).toEqual({
      status: 200,
      body: {
        sessions: [
          {
            id: expect.stringMatching(/^[0-9a-f-]{36}$/),
            "created-at": on.clock(),
            "last-used-at": on.clock(),
            "expires-at": integer,
            ip: "127.0.0.1",
            "user-agent": expect.any(String),
            current: true,
          },
        ],
        "active-sessions-count": 1,
      },
    });
    const out = await on.call("GET", "/logout", { headers: session });
    expect(out).toMatchObject({ status: 204, body: null, cookie: expect.stringMatching(/^qt-auth=; Path=\/; Max-Age=0;/) });
    expect(result(await on.call("GET", "/sessions", { headers: session }))).toEqual({ status: 401, body: noLogin });
    expect((await on.call("GET", "/logout")).status).toBe(204);
  });

  it("always-send and auto-signup are both needed to make a user, and act only where policy allows it", async () => {
    const all = { "phone-number": phone };
    await on.send({ ...all, "always-send": true });
    const code = await on.codeTo(phone);
    expect(result(await on.login({ ...all, otp: code }))).toEqual(mismatch);
    expect(await on.login({ ...all, otp: code, "auto-signup": true })).toMatchObject({ status: 200, body: { user: byPhone } });

    const unsent = { email };
    expect(result(await on.send(unsent))).toEqual({ status: 200, body: { message: sentByEmail } });
    expect(result(await on.login({ ...unsent, otp: code, "auto-signup": true }))).toEqual(mismatch);

    const policy = { autoRegistration: false };
    await on.apps.updatePolicy({ appId: "default", policy, updateMask: { paths: ["auto_registration"] } });
    const closed = { email: "jane@example.com", "always-send": true };
    expect(result(await on.send(closed))).toEqual({ status: 200, body: { message: sentByEmail } });
    expect(result(await on.login({ email: closed.email, otp: code, "auto-signup": true }))).toEqual(mismatch);
  });

  it("known, unknown and locked contacts get equal answers, also to wrong codes", async () => {
    const { user: locked } = await on.users.createUser({ appId: "default", email: "lock@example.com" });
    await on.users.createUser({ appId: "default", email });
    await on.users.lockUser({ appId: "default", userId: locked!.userId });
    const heads = ({ headers }: { readonly headers: globalThis.Headers }) =>
      [...headers].filter(([name]) => name !== "date").toString();
    const answers: unknown[] = [];
    for (const one of [email, "lock@example.com", "none@example.com"]) {
      const sent = await on.send({ email: one });
      const tried = await on.login({ email: one, otp: "000000" });
      answers.push({ sent: result(sent), tried: result(tried), heads: [heads(sent), heads(tried)] });
    }
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ sent: { status: 200 }, tried: mismatch });
  });

  it("a repeated send gives the same code, so a second send never makes the first code fail", async () => {
    await on.users.createUser({ appId: "default", email });
    await on.send({ email });
    const first = await on.codeTo(email);
    on.clock.advance(60_000);
    await on.send({ email });
    expect(await on.codeTo(email, 2)).toBe(first);
    expect((await on.login({ email, otp: first })).status).toBe(200);
    expect(result(await on.login({ email, otp: first }))).toEqual(mismatch);
  });

  it("another network's send does not replace the owner's code", async () => {
    await on.users.createUser({ appId: "default", email });
    await on.send({ email }, { "x-forwarded-for": "192.0.2.1" });
    const own = await on.codeTo(email);
    await on.send({ email }, { "x-forwarded-for": "198.51.100.1" });
    await on.codeTo(email, 2);
    expect((await on.login({ email, otp: own }, { "x-forwarded-for": "192.0.2.1" })).status).toBe(200);
  });

  it("a session of one app is none of another, and a client that does not speak it gets 404", async () => {
    const { session } = await on.signIn({ email }, email);
    await on.apps.createApp({ appId: "news" });
    await on.apps.createClient({ appId: "news", clientId: "news-web", kind: 1, dialects: ["bridgekeeper"] });
    await on.apps.createClient({ appId: "news", clientId: "news-mute", kind: 1 });
    const asNews = await on.call("GET", "/users/me", { headers: { ...session, "x-latchkey-client": "news-web" } });
    expect(result(asNews)).toEqual({ status: 401, body: noLogin });
    for (const clientId of ["news-mute", "nobody"]) {
      const answer = await on.send({ email }, { "x-latchkey-client": clientId });
      expect(result(answer)).toEqual({ status: 404, body: failed() });
    }
    const unnamed = await on.call("GET", "/users/me", { headers: session });
    expect(result(unnamed)).toEqual({ status: 404, body: failed(expect.stringContaining("--dialects bridgekeeper")) });
  });

  it("a client that may not verify by identifier gets an error that says what to do", async () => {
    await on.apps.createApp({ appId: "news" });
    await on.apps.createClient({ appId: "news", clientId: "news-web", kind: 1, dialects: ["bridgekeeper"] });
    const answer = await on.login({ email, otp: "123456" }, { "x-latchkey-client": "news-web" });
    expect(result(answer)).toEqual({ status: 400, body: failed(expect.stringContaining("identifier")) });
  });

  it.each([
    ["no JSON", "/users/send-otp", "{", 400],
    ["a list", "/users/send-otp", "[]", 400],
    ["no contact", "/users/send-otp", "{}", 400],
    ["both contacts", "/users/send-otp", JSON.stringify({ "phone-number": phone, email }), 400],
    ["a phone that is a number", "/users/send-otp", '{"phone-number":919888888888}', 400],
    ["a phone that is none", "/users/send-otp", '{"phone-number":"soon"}', 400],
    ["an unknown medium", "/users/send-otp", JSON.stringify({ email, mediums: ["pigeon"] }), 400],
    ["a prototype key", "/users/send-otp", '{"__proto__":{"email":"johndoe@example.com"}}', 400],
    ["64 KiB and more", "/users/send-otp", JSON.stringify({ email, more: "x".repeat(65_536) }), 413],
    ["a password", "/login", JSON.stringify({ email, password: "secret" }), 400],
    ["a code without digits", "/login", JSON.stringify({ email, otp: "soon" }), 400],
    ["two new contacts", "/signup", JSON.stringify({ otp: "123456" }), 400],
    ["an unknown path", "/users/forgot-password", JSON.stringify({ email }), 404],
  ])("a body with %s is refused in Bridgekeeper's shape, and nothing is sent", async (_, path, body, status) => {
    const answer = await on.call("POST", path, { body });
    expect(result(answer)).toEqual({ status, body: failed() });
    expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();
  });

  it("JSON counts without its content type, as curl sends the samples that name none", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await on.call("POST", "/users/send-otp", { body: JSON.stringify({ email }), headers: form });
    expect(result(answer)).toEqual({ status: 200, body: { message: sentByEmail } });
  });

  it("another content type is refused in Bridgekeeper's shape", async () => {
    const answer = await on.call("POST", "/login", { body: `email=${email}`, headers: { "content-type": "text/plain" } });
    expect(result(answer)).toEqual({ status: 415, body: failed() });
  });

  it("too many sends get 429 with the time to wait", async () => {
    await on.send({ email });
    const answer = await on.send({ email });
    expect(result(answer)).toEqual({ status: 429, body: failed(expect.stringMatching(/^Too many requests\. Try again in /)) });
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  it("its description is served as OpenAPI, with each path", async () => {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/openapi/bridgekeeper.json`);
    const { paths } = (await response.json()) as { readonly paths: object };
    const own = ["users/send-otp", "login", "signup", "users/me", "logout", "sessions/validate", "sessions"];
    const all = [...own, "users/update-with-otp", "users/profile"].map((path) => `/api/auth/v1/${path}`);
    expect(Object.keys(paths).sort()).toEqual(all.sort());
  });
});
