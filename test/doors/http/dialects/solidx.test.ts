import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import type { AppPolicy } from "../../../../src/gen/latchkey/v1/app_pb.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { ContactKind } from "../../../../src/gen/latchkey/v1/user_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { eventually, startTestApp, type TestApp } from "../../../support/app.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
const [email, mobile] = ["ada@example.com", "+12345678901"];
const text = expect.stringMatching(/./);
const minute = 60_000;

type Headers = Readonly<Record<string, string>>;
type Changes = Partial<
  Pick<
    AppPolicy,
    "codeLength" | "registrationSources" | "revealUsers" | "codeTtl" | "registration" | "codeSignIn" | "defaultChannel"
  >
>;

const said = (status: number, message: string, bare: object = {}, more: object = {}) => ({
  status,
  body: { statusCode: 200, message, error: "", data: { message, ...bare, ...more }, ...bare },
});
const wrapped = (bare: object) => ({ status: 200, body: { statusCode: 200, message: [], error: "", data: bare, ...bare } });
const problem = (status: number, message: unknown, errorCode = "solidx-unknown-error", fields: unknown = message) => ({
  status,
  body: {
    statusCode: status,
    statusCodeMessage: text,
    message,
    errorCode,
    error: message,
    data: { message: fields, error: text, statusCode: status },
  },
});
const malformed = problem(400, "Bad Request Exception", undefined, [text]);
const sent = said(201, "OTP sent successfully");
const unchanged = { username: "ada", email, mobile };

describe.each(testEngines())("SolidX's paths on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    await start();
  });
  afterEach(() => on.stop());

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    on = await startTestApp({ ...(await database()), ...env }, { developmentClients: [admin, backend] });
  }

  async function restart(env: Readonly<Record<string, string>>): Promise<void> {
    await on.stop();
    await start({ LATCHKEY_SOLIDX_APP: "default", ...env });
  }

  async function call(method: string, path: string, body?: unknown, headers: Headers = {}) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/api/iam${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: JSON.parse(await response.text()) as Record<string, never> };
  }
  const post = (path: string, body: unknown, headers?: Headers) => call("POST", path, body, headers);
  const register = (fields: object = {}, headers?: Headers) =>
    post(
      "/otp/register/initiate",
      { ...unchanged, validationSources: ["email", "mobile"], customPayload: {}, ...fields },
      headers,
    );
  const confirmRegistration = (otp: unknown, type = "email", identifier = email) =>
    post("/otp/register/confirm", { type, identifier, otp });
  const send = (fields: object = {}, headers?: Headers) =>
    post("/otp/login/initiate", { type: "email", identifier: email, ...fields }, headers);
  const confirm = (otp: unknown, fields: object = {}, headers?: Headers) =>
    post("/otp/login/confirm", { type: "email", identifier: email, otp, ...fields }, headers);
  const codeOf = async (to = email, count = 1) => (await on.messages(to, count))[0]!.code;
  const users = () => connectClient(UserService, on.app, { authorization });
  const allMessages = async () =>
    (await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json()) as readonly { readonly to: string }[];
  /** To whom all messages are, when at least `count` have come. */
  const recipients = (count: number) =>
    eventually(`${count} messages`, async () => {
      const all = await allMessages();
      return all.length >= count ? all.map(({ to }) => to).sort() : undefined;
    });
  const userOf = async (key: { case: "email" | "phone" | "username"; value: string }) =>
    (await users().getUser({ appId: "default", key })).user!;

  async function setPolicy(policy: Changes, ...paths: string[]): Promise<void> {
    await connectClient(AppService, on.app, { authorization }).updatePolicy({
      appId: "default",
      policy,
      updateMask: { paths },
    });
  }

  const makeUser = (fields: object = {}) =>
    users().createUser({ appId: "default", email, username: "ada", roles: [], ...fields });

  async function signUp(): Promise<void> {
    expect(await register()).toEqual(sent);
    expect((await confirmRegistration(await codeOf())).status).toBe(200);
    on.clock.advance(minute);
  }

  async function signIn(count = 2) {
    expect((await send()).status).toBe(201);
    const { status, body } = await confirm(await codeOf(email, count));
    expect(status).toBe(200);
    return body as unknown as { accessToken: string; refreshToken: string };
  }

  describe("the seed", () => {
    it("1.1 initiate registration: the request to the letter; only the e-mail address has to be proven", async () => {
      const answer = await register({ username: "string", email, mobile: "+12345678901", customPayload: {} });
      expect(answer).toEqual(sent);
      expect(await recipients(1)).toEqual([email]);
    });

    it("1.2 confirm registration: the user is active, without the contact that was not proven, and no user is signed in", async () => {
      await register({ customPayload: { company: "Analytical" } });
      const answer = await confirmRegistration(await codeOf());
      expect(answer).toEqual(said(200, "User registration verified for email", { active: true }));
      const user = await userOf({ case: "email", value: email });
      expect(user).toMatchObject({
        username: "ada",
        contacts: [{ value: email }],
        customAttributes: { company: "Analytical" },
      });
      expect((await users().listUserSessions({ appId: "default", userId: user.userId })).sessions).toEqual([]);
    });

    it("2.1 initiate login: a code is sent, and the answer has the address masked", async () => {
      await signUp();
      expect(await send()).toEqual(said(201, "OTP sent successfully", {}, { user: { email: "ad***a@example.com" } }));
      expect(await on.messages(email, 2)).toHaveLength(2);
    });

    it("2.2 confirm login: tokens and the user", async () => {
      await connectClient(AppService, on.app, { authorization }).updateApp({
        appId: "default",
        roles: ["User", "Admin"],
        updateMask: { paths: ["roles"] },
      });
      await makeUser({ phone: mobile, roles: ["User", "Admin"] });
      expect((await send()).status).toBe(201);
      const answer = await confirm(await codeOf());
      const { number } = await userOf({ case: "email", value: email });
      const user = { id: Number(number), username: "ada", email, mobile, lastLoginProvider: "otp", roles: ["User", "Admin"] };
      expect(answer).toEqual(wrapped({ accessToken: text, refreshToken: text, user }));
      const { accessToken } = answer.body as unknown as { accessToken: string };
      expect(decodeJwt(accessToken).exp! * 1000).toBeGreaterThan(on.clock());
    });
  });

  it("refreshes, shows and ends a session", async () => {
    await signUp();
    const { accessToken, refreshToken } = await signIn();
    const bearer = { authorization: `Bearer ${accessToken}` };
    const { number } = await userOf({ case: "email", value: email });
    const user = { id: Number(number), username: "ada", email, mobile: null, roles: [] };
    expect(await call("GET", "/me", undefined, bearer)).toEqual(wrapped({ user }));
    const refreshed = await post("/refresh-tokens", { refreshToken });
    expect(refreshed).toEqual(wrapped({ accessToken: text, refreshToken: text }));
    // SolidX tolerates the previous token for a minute.
    on.clock.advance(59_000);
    const again = await post("/refresh-tokens", { refreshToken });
    expect(again.body.refreshToken).toBe(refreshed.body.refreshToken);
    expect(await post("/logout", { refreshToken: again.body.refreshToken })).toEqual(said(200, "Logged out successfully"));
    expect(await call("GET", "/me", undefined, bearer)).toEqual(problem(401, "Unauthorized"));
    const ended = problem(401, "Your session has expired. Please log in again.", "solidx-session-invalid");
    expect(await post("/refresh-tokens", { refreshToken: again.body.refreshToken })).toEqual(ended);
    expect(await post("/refresh-tokens", { refreshToken: "x" })).toEqual(ended);
    expect(await post("/logout", { refreshToken: "x" })).toEqual(said(200, "Logged out successfully"));
    expect(await call("GET", "/me")).toEqual(problem(401, "Unauthorized"));
  });

  it("ends the session whose older refresh token comes back after the tolerance", async () => {
    await signUp();
    const { refreshToken } = await signIn();
    const next = (await post("/refresh-tokens", { refreshToken })).body.refreshToken;
    on.clock.advance(61_000);
    expect(await post("/refresh-tokens", { refreshToken })).toEqual(problem(401, "Access denied", "solidx-session-invalid"));
    expect((await post("/refresh-tokens", { refreshToken: next })).status).toBe(401);
  });

  it("transactional: true lets validationSources replace the default, never what the app requires", async () => {
    expect(await register({ transactional: true, validationSources: ["mobile"] })).toEqual(sent);
    expect(await recipients(1)).toEqual([mobile]);
    const byMobile = await confirmRegistration(await codeOf(mobile), "mobile", mobile);
    expect(byMobile).toEqual(said(200, "User registration verified for mobile", { active: true }));
    expect((await userOf({ case: "phone", value: mobile })).contacts).toHaveLength(1);

    await setPolicy({ registrationSources: { kinds: [ContactKind.EMAIL] } as never }, "registration_sources");
    const second = { username: "bob", email: "bob@example.com", mobile: "+12345678902" };
    expect(await register({ ...second, transactional: true, validationSources: ["mobile"] })).toEqual(sent);
    const code = await codeOf(second.mobile);
    expect(await confirmRegistration(code, "mobile", second.mobile)).toEqual(
      said(200, "User registration verified for mobile", { active: false }),
    );
    const rest = await confirmRegistration(await codeOf(second.email), "email", second.email);
    expect(rest).toEqual(said(200, "User registration verified for email", { active: true }));
  });

  it("without transactional the request's validationSources change nothing", async () => {
    expect(await register({ validationSources: ["mobile"] })).toEqual(sent);
    expect(await register({ email: "", validationSources: ["mobile"] })).toEqual(
      problem(400, "Email is required for email validation source."),
    );
    expect(await register({ mobile: "", transactional: true, validationSources: ["mobile"] })).toEqual(
      problem(400, "Mobile is required for mobile validation source."),
    );
    expect(await recipients(1)).toEqual([email]);
  });

  it.each([
    ["capitalised", { username: "Ada.Lovelace", email }, "ada.lovelace", "Ada.Lovelace"],
    ["an e-mail address", { username: "Ada@Example.com", email }, email, "Ada@Example.com"],
    ["the only e-mail address", { username: email, email: "" }, email, email],
  ])("maps a username that is %s", async (_which, fields, username, identifier) => {
    expect(await register(fields)).toEqual(sent);
    expect((await confirmRegistration(await codeOf())).status).toBe(200);
    on.clock.advance(minute);
    expect((await send({ identifier })).status).toBe(201);
    const answer = await confirm(await codeOf(email, 2), { identifier });
    expect(answer).toMatchObject({ status: 200, body: { user: { username, email } } });
  });

  it("refuses a username that is another address than the user's", async () => {
    expect(await register({ username: "other@example.com" })).toEqual(malformed);
    expect(await register({ username: "ada lovelace" })).toEqual(malformed);
    expect(await allMessages()).toEqual([]);
  });

  it("sends to the contact of the type for a username, and accepts the code as a number", async () => {
    await makeUser({ phone: mobile });
    expect(await send({ type: "mobile", identifier: "ada" })).toEqual(said(201, "OTP sent successfully", {}, { user: {} }));
    const code = await codeOf(mobile);
    const numeric = `{"type":"mobile","identifier":"ada","otp":${Number(code)}}`;
    expect((await post("/otp/login/confirm", numeric)).status).toBe(200);
    expect((await send({ type: "mobile", identifier: mobile })).body.data).toMatchObject({ user: { mobile: "***8901" } });
  });

  it("the app's own policy comes before SolidX's values", async () => {
    await setPolicy({ codeLength: 8, codeTtl: { seconds: 60n } as never }, "code_length", "code_ttl");
    await makeUser();
    await send();
    const code = await codeOf();
    expect(code).toHaveLength(8);
    on.clock.advance(minute);
    expect(await confirm(code)).toEqual(problem(401, "Invalid OTP."));
  });

  it("a code works for five minutes by default", async () => {
    await makeUser();
    await send();
    const code = await codeOf();
    on.clock.advance(5 * minute - 1);
    expect((await confirm(code)).status).toBe(200);
  });

  it("a wrong, expired, used or unknown code is 401 Invalid OTP.", async () => {
    await makeUser();
    await send();
    const code = await codeOf();
    const invalid = problem(401, "Invalid OTP.");
    expect(await confirm(wrongCode(code))).toEqual(invalid);
    expect(await confirmRegistration(code)).toEqual(invalid);
    expect((await confirm(code)).status).toBe(200);
    expect(await confirm(code)).toEqual(invalid);
    expect(await confirm("123456", { identifier: "x@example.com" })).toEqual(invalid);
  });

  it("known, unknown, locked and unregistered get the same answers", async () => {
    const identifiers = [email, "bob@example.com", "eve@example.com", "new@example.com"];
    await makeUser();
    const { user } = await makeUser({ email: identifiers[2], username: "eve" });
    await users().lockUser({ appId: "default", userId: user!.userId });
    for (const identifier of identifiers) {
      const shown = { user: { email: `${identifier.slice(0, 2)}***${identifier[2]}@example.com` } };
      expect(await send({ identifier }), identifier).toEqual(said(201, "OTP sent successfully", {}, shown));
      expect(await confirm("000000", { identifier }), identifier).toEqual(problem(401, "Invalid OTP."));
      expect((await send({ identifier })).status, identifier).toBe(429);
    }
    expect(await recipients(1)).toEqual([email]);
    on.clock.advance(10 * minute);
    for (const name of ["ada", "bob", "eve"]) {
      expect(await register({ username: name, email: `${name}@example.com` }), name).toEqual(sent);
    }
    expect(await recipients(4)).toEqual([email, email, "bob@example.com", "eve@example.com"]);
  });

  it("an app that reveals its users has SolidX's words", async () => {
    await makeUser();
    await setPolicy({ revealUsers: true }, "reveal_users");
    expect(await send({ identifier: "bob@example.com" })).toEqual(problem(401, "User does not exist."));
    expect(await send({ identifier: "bob" })).toEqual(problem(401, "User does not exist."));
    expect(await register()).toEqual(problem(409, "User already exists. Please sign in."));
    expect(await register({ email: "other@example.com" })).toEqual(problem(409, "User already exists. Please sign in."));
    expect(await allMessages()).toEqual([]);
    on.clock.advance(2 * minute);
    expect((await send()).status).toBe(201);
  });

  it("a stranger's send between the owner's send and code changes nothing, and a repeat sends the same code", async () => {
    await on.stop();
    await start({ LATCHKEY_TRUSTED_PROXIES: "127.0.0.1" });
    await makeUser();
    const [owner, stranger] = ["203.0.113.1", "203.0.113.2"].map((address) => ({ "x-forwarded-for": address }));
    await send({}, owner);
    const code = await codeOf();
    for (let n = 0; n < 2; n += 1) {
      expect((await send({}, stranger)).status).toBe(201);
      // A message whose lease ends while it is being sent would be sent again.
      await on.messages(email, n + 2);
      on.clock.advance(1.5 * minute);
    }
    expect((await send({}, owner)).status).toBe(201);
    const codes = (await on.messages(email, 4)).map((message) => message.code);
    expect(codes.filter((one) => one === code)).toHaveLength(2);
    expect((await confirm(code, {}, owner)).status).toBe(200);
  });

  it("answers in SolidX's shape when a limit is reached", async () => {
    await makeUser();
    await send();
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/api/iam/otp/login/initiate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ type: "email", identifier: email }),
    });
    expect(response.headers.get("retry-after")).toMatch(/^\d+$/);
    expect({ status: response.status, body: await response.json() }).toEqual(problem(429, text, "TOO_MANY_REQUESTS", text));
  });

  it("a client that does not speak the dialect reaches nothing", async () => {
    const apps = connectClient(AppService, on.app, { authorization });
    await apps.createClient({ appId: "default", clientId: "mute", kind: 1 });
    await makeUser();
    const mute = { "x-latchkey-client": "mute" };
    expect(await send({}, mute)).toEqual(problem(404, text, "CLIENT_UNKNOWN", text));
    expect(await register({}, mute)).toMatchObject({ status: 404 });
    await apps.createClient({ appId: "default", clientId: "second", kind: 1, dialects: ["solidx"] });
    expect(await send()).toEqual(problem(404, text, "NO_SPEAKER", text));
    expect(await allMessages()).toEqual([]);
  });

  it.each([
    ["no body", undefined, 400],
    ["text", "hello", 400],
    ["a list", "[]", 400],
    ["null", "null", 400],
    ["a prototype key", '{"__proto__":{"identifier":"x"},"type":"email","identifier":"x@example.com"}', 400],
    ["a type that is none", '{"type":"fax","identifier":"x@example.com"}', 400],
    ["an object as identifier", '{"type":"email","identifier":{}}', 400],
    ["an empty identifier", '{"type":"email","identifier":""}', 400],
    ["an oversize body", JSON.stringify({ type: "email", identifier: "x".repeat(100_000) }), 413],
    ["half a surrogate", '{"type":"email","identifier":"\\ud800@example.com"}', 400],
  ])("refuses %s in SolidX's shape, and sends nothing", async (_which, body, status) => {
    for (const path of ["/otp/login/initiate", "/otp/login/confirm", "/otp/register/initiate", "/otp/register/confirm"]) {
      expect(await post(path, body ?? ""), path).toMatchObject(
        problem(status, text, "solidx-unknown-error", expect.anything()),
      );
    }
    expect(await allMessages()).toEqual([]);
  });

  it("refuses other content types and paths in SolidX's shape", async () => {
    const form = { "content-type": "application/x-www-form-urlencoded" };
    expect(await post("/otp/login/initiate", "type=email", form)).toMatchObject({ status: 415, body: { statusCode: 415 } });
    expect(await post("/authenticate", {})).toEqual(problem(404, text, "NO_PATH", text));
    expect(await send({ type: "fax" })).toEqual(problem(400, "Invalid type. Must be either email or mobile."));
    expect(await confirm("1", { type: "fax" })).toEqual(problem(400, "Invalid type. Must be either email or mobile."));
  });

  describe("SolidX's variables are the defaults of the app that LATCHKEY_SOLIDX_APP names", () => {
    it("IAM_PASSWORD_LESS_REGISTRATION", async () => {
      const off = problem(400, "Passwordless registration is not enabled.");
      await restart({ IAM_PASSWORD_LESS_REGISTRATION: "false" });
      await makeUser();
      expect([await register(), await send()]).toEqual([off, off]);
      expect(await allMessages()).toEqual([]);
      await setPolicy({ registration: true, codeSignIn: true }, "registration", "code_sign_in");
      expect((await register()).status).toBe(201);
      on.clock.advance(minute);
      expect((await send()).status).toBe(201);
    });

    it("IAM_OTP_EXPIRY", async () => {
      await restart({ IAM_OTP_EXPIRY: "10" });
      await makeUser();
      await send();
      const first = await codeOf();
      on.clock.advance(10 * minute - 1);
      expect((await confirm(first)).status).toBe(200);
      await setPolicy({ codeTtl: { seconds: 60n } as never }, "code_ttl");
      await send();
      const code = await codeOf(email, 2);
      on.clock.advance(minute);
      expect((await confirm(code)).status).toBe(401);
    });

    it("IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT", async () => {
      await restart({ IAM_PASSWORD_LESS_REGISTRATION_VALIDATE_WHAT: "both" });
      expect(await register()).toEqual(sent);
      expect((await confirmRegistration(await codeOf())).body).toMatchObject({ active: false });
      expect((await confirmRegistration(await codeOf(mobile), "mobile", mobile)).body).toMatchObject({ active: true });
      expect((await userOf({ case: "email", value: email })).contacts).toHaveLength(2);
      await setPolicy({ registrationSources: { kinds: [ContactKind.PHONE] } as never }, "registration_sources");
      await register({ username: "bob", email: "bob@example.com", mobile: "+12345678902" });
      expect(await recipients(3)).toEqual([mobile, "+12345678902", email]);
    });

    it("IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT", async () => {
      await restart({ IAM_PASSWORD_LESS_LOGIN_VALIDATE_WHAT: "mobile" });
      await makeUser({ phone: mobile });
      await send({ type: "email", identifier: "ada" });
      expect((await confirm(await codeOf(mobile), { identifier: "ada" })).status).toBe(200);
      expect(await recipients(1)).toEqual([mobile]);
    });

    it("no other app has them", async () => {
      await restart({ LATCHKEY_SOLIDX_APP: "other", IAM_PASSWORD_LESS_REGISTRATION: "false", IAM_OTP_EXPIRY: "1" });
      await makeUser();
      await send();
      const code = await codeOf();
      on.clock.advance(4 * minute);
      expect((await confirm(code)).status).toBe(200);
    });
  });
});
