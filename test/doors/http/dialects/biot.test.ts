import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { compactVerify, importSPKI } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { uuidOf } from "../../../../src/doors/http/dialects/ids.js";
import { AppService } from "../../../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../../../src/gen/latchkey/v1/auth_service_pb.js";
import { Purpose } from "../../../../src/gen/latchkey/v1/challenge_pb.js";
import { UserState } from "../../../../src/gen/latchkey/v1/user_pb.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const backend = { clientId: "default-backend", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
const phone = "+12345678901";
const uuid = expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const jwt = { token: expect.stringMatching(/./), expiration: time };
const login = {
  userId: uuid,
  ownerOrganizationId: uuid,
  accessJwt: jwt,
  refreshJwt: jwt,
  mfaRequired: false,
  passwordResetRequired: false,
};

describe.each(testEngines())("BioT's paths on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database(), { developmentClients: [admin, backend] });
    await connectClient(UserService, on.app, { authorization }).createUser({ appId: "default", phone });
  });
  afterEach(() => on.stop());

  async function call(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}${path}`, {
      method,
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : (JSON.parse(text) as Record<string, never>) };
  }
  /** What calls leave behind: users and messages. */
  async function traces() {
    const { users } = await connectClient(UserService, on.app, { authorization }).listUsers({});
    const messages = await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json();
    return { users, messages };
  }
  const generate = (to = phone) => call("POST", "/ums/v2/users/otp/generate", { phone: to });
  const problem = (code: string, serviceName = "ums") => ({
    code,
    message: expect.stringMatching(/./),
    serviceName,
    traceId: expect.stringMatching(/^[0-9a-f]{16}$/),
    environment: "latchkey",
    details: {},
  });

  it("the seed's steps: a code is generated, received and used, and the tokens work", async () => {
    const generated = await generate();
    expect(generated).toEqual({ status: 200, body: { requestId: uuid, phone: "******8901" } });
    const [message] = await on.messages(phone);
    const { requestId } = generated.body!;
    const signedIn = await call("POST", "/ums/v2/users/otp/login", { requestId, code: message!.code });
    expect(signedIn).toEqual({ status: 200, body: login });
    const { accessJwt, refreshJwt, userId } = signedIn.body as unknown as typeof login & { accessJwt: { token: string } };
    const bearer = { authorization: `Bearer ${accessJwt.token}` };
    expect(await call("GET", "/ums/v2/users/self", undefined, bearer)).toMatchObject({
      status: 200,
      body: { username: phone, id: userId, credentialType: "OTP", locked: false, active: true },
    });
    const refreshed = await call("POST", "/ums/v2/users/token/refresh", { refreshToken: refreshJwt.token });
    expect(refreshed).toEqual({ status: 200, body: login });
    const { token } = (refreshed.body as unknown as typeof login).refreshJwt;
    expect(await call("POST", "/ums/v2/users/logout", { refreshToken: token })).toEqual({ status: 200, body: null });
    expect(await call("GET", "/ums/v2/users/self", undefined, bearer)).toEqual({
      status: 401,
      body: problem("TOKEN_NOT_VALID"),
    });
    expect(await call("POST", "/ums/v2/users/token/login", { refreshToken: token })).toEqual({
      status: 403,
      body: problem("REFRESH_TOKEN_NOT_VALID"),
    });
  });

  /** A client token, as BioT's services get one. */
  async function asService() {
    const { clientId: id, clientSecret: secretKey } = backend;
    const answer = await call("POST", "/ums/v2/services/accessToken", { id, secretKey });
    expect(answer).toEqual({ status: 200, body: { accessToken: expect.stringMatching(/./), accessTokenExpiration: time } });
    return { authorization: `Bearer ${answer.body!.accessToken}` };
  }
  async function signIn(to = phone) {
    const { requestId } = (await generate(to)).body!;
    const [message] = await on.messages(to);
    const answer = await call("POST", "/ums/v2/users/otp/login", { requestId, code: message!.code });
    return { answer, bearer: { authorization: `Bearer ${(answer.body as unknown as typeof login).accessJwt.token}` } };
  }

  it("a code that comes as a number counts with its leading zeros", async () => {
    const apps = connectClient(AppService, on.app, { authorization });
    await apps.updatePolicy({ appId: "default", policy: { codeLength: 8 }, updateMask: { paths: ["code_length"] } });
    for (const [tested, code] of [
      ["+12345678908", "00123456"],
      ["+12345678909", "01234567"],
    ] as const) {
      const endsAt = timestampFromMs(on.clock() + 3_600_000);
      await apps.putTestIdentifier({ appId: "default", pattern: tested, code, endsAt });
      const identifier = { case: "phone", value: tested } as const;
      const { challenge } = await connectClient(AuthService, on.app, {}).sendOtp({ identifier, createUserIfMissing: true });
      await connectClient(AuthService, on.app, {}).verifyOtp({ challengeId: challenge!.challengeId, code });
      on.clock.advance(60_000);
      const { requestId } = (await generate(tested)).body!;
      const body = `{"requestId":"${requestId}","code":${Number(code)}}`;
      expect((await call("POST", "/ums/v2/users/otp/login", body)).status).toBe(200);
    }
  });

  it("a code of another purpose does not sign in, and stays good", async () => {
    const auth = connectClient(AuthService, on.app, {});
    const { challenge } = await auth.sendOtp({ identifier: { case: "phone", value: phone }, purpose: Purpose.VERIFY_CONTACT });
    const [message] = await on.messages(phone);
    const { challengeId } = challenge!;
    const { code } = message!;
    const requestId = uuidOf(challengeId);
    expect(await call("POST", "/ums/v2/users/otp/login", { requestId, code })).toEqual({
      status: 403,
      body: problem("LOGIN_FAILED"),
    });
    expect((await auth.verifyOtp({ challengeId, code })).contactProof).not.toBe("");
  });

  it("the app's own length and life of codes come before BioT's", async () => {
    await connectClient(AppService, on.app, { authorization }).updatePolicy({
      appId: "default",
      policy: { codeLength: 8, codeTtl: { seconds: 300n } },
      updateMask: { paths: ["code_length", "code_ttl"] },
    });
    const { requestId } = (await generate()).body!;
    const [message] = await on.messages(phone);
    expect(message!.code).toMatch(/^\d{8}$/);
    on.clock.advance(4 * 60_000);
    expect((await call("POST", "/ums/v2/users/otp/login", { requestId, code: message!.code })).status).toBe(200);
  });

  it("a client that does not speak the dialect is refused, with its own token too", async () => {
    const refused = (service: string) => ({ status: 404, body: problem("CLIENT_UNKNOWN", service) });
    const before = await traces();
    const named = { "x-latchkey-client": admin.clientId };
    expect(await call("POST", "/ums/v2/users/otp/generate", { phone }, named)).toEqual(refused("ums"));
    expect(await call("POST", "/organization/v1/users/patients", { _phone: phone }, { authorization })).toEqual(
      refused("organization"),
    );
    expect(await traces()).toEqual(before);
  });

  it("a code has 6 digits and lives for 2 minutes by default", async () => {
    const { requestId } = (await generate()).body!;
    const [message] = await on.messages(phone);
    expect(message!.code).toMatch(/^\d{6}$/);
    on.clock.advance(2 * 60_000);
    const late = await call("POST", "/ums/v2/users/otp/login", { requestId, code: message!.code });
    expect(late).toEqual({ status: 403, body: problem("LOGIN_FAILED") });
  });

  it("an unknown phone, a wrong code, an unknown request and a used code get answers of one shape", async () => {
    const known = await generate();
    const unknown = await generate("+12345678902");
    expect(unknown).toEqual({ status: 200, body: { requestId: uuid, phone: "******8902" } });
    const [message] = await on.messages(phone);
    const failed = { status: 403, body: problem("LOGIN_FAILED") };
    const tryLogin = (requestId: unknown, code: string) => call("POST", "/ums/v2/users/otp/login", { requestId, code });
    expect(await tryLogin(known.body!.requestId, wrongCode(message!.code))).toEqual(failed);
    expect(await tryLogin(unknown.body!.requestId, message!.code)).toEqual(failed);
    expect(await tryLogin("3fa85f64-5717-4562-b3fc-2c963f66afa6", message!.code)).toEqual(failed);
    expect((await tryLogin(known.body!.requestId, message!.code)).status).toBe(200);
    expect(await tryLogin(known.body!.requestId, message!.code)).toEqual(failed);
  });

  it.each([
    ["no JSON", "{", 400],
    ["a list", "[]", 400],
    ["no phone", "{}", 400],
    ["a phone that is a number", '{"phone":12345678901}', 400],
    ["a phone that is none", '{"phone":"soon"}', 400],
    ["a prototype key", '{"__proto__":{"phone":"+12345678901"}}', 400],
    ["64 KiB and more", JSON.stringify({ phone, more: "x".repeat(65_536) }), 413],
  ])("a body with %s is refused in BioT's shape, and nothing is sent", async (_, body, status) => {
    const answer = await call("POST", "/ums/v2/users/otp/generate", body);
    expect(answer).toEqual({
      status,
      body: problem(status === 413 || body !== '{"phone":"soon"}' ? "MALFORMED" : "REQUEST_INVALID"),
    });
    expect(await on.app.core.deps.store.outbox.nextDueAt()).toBeNull();
  });

  it("a user sees the own organization, roles as groups, and changes nothing that Latchkey does not have", async () => {
    const { answer, bearer } = await signIn();
    const { userId, ownerOrganizationId } = answer.body as unknown as { userId: string; ownerOrganizationId: string };
    const self = {
      username: phone,
      id: userId,
      ownerOrganizationId,
      groups: [],
      locked: false,
      active: true,
      mfa: { enabled: false, phone },
      credentialType: "OTP",
      userIdPs: ["UMS"],
    };
    const path = "/ums/v2/users/self";
    expect(await call("GET", path, undefined, bearer)).toEqual({ status: 200, body: self });
    expect(await call("PATCH", path, { mfa: { enabled: false } }, bearer)).toEqual({ status: 200, body: self });
    const refused = { status: 400, body: problem("REQUEST_INVALID") };
    expect(await call("PATCH", path, { _credentialType: "OTP" }, bearer)).toEqual(refused);
    expect(await call("PATCH", path, { mfa: { enabled: true } }, bearer)).toEqual(refused);
    expect(await call("PATCH", path, { password: { current: "a", new: "b" } }, bearer)).toEqual(refused);
    expect(await call("PATCH", path, {})).toEqual({ status: 401, body: problem("TOKEN_NOT_VALID") });
    expect(await call("DELETE", path, undefined, bearer)).toEqual({ status: 204, body: null });
    expect(await call("GET", path, undefined, bearer)).toEqual({ status: 401, body: problem("TOKEN_NOT_VALID") });
  });

  it.each([
    ["patients", "patient"],
    ["caregivers", "caregiver"],
    ["organizations", "organization_user"],
  ])("a backend registers %s for OTP login, reads and changes them", async (plural, kind) => {
    const service = await asService();
    const organization = "3fa85f64-5717-4562-b3fc-2c963f66afa6";
    const body = {
      _name: { firstName: "Ada", lastName: "Lovelace" },
      _phone: "+12345678903",
      _ownerOrganization: { id: organization },
      _credentialType: "OTP",
      _password: "a secret",
      bloodType: "0",
    };
    const path = `/organization/v1/users/${plural}`;
    const created = await call("POST", path, body, service);
    const { _password, ...kept } = body;
    const entity = {
      ...kept,
      _id: uuid,
      _username: body._phone,
      _enabled: "ENABLED",
      _invitationAccepted: true,
      _creationTime: time,
      _lastModifiedTime: time,
    };
    expect(created).toEqual({ status: 201, body: entity });
    const id = created.body!._id as unknown as string;
    const { user } = await connectClient(UserService, on.app, { authorization }).getUser({
      key: { case: "userId", value: id },
    });
    expect(user).toMatchObject({ kind, displayName: "Ada Lovelace", ownerOrganization: organization });
    expect(await call("GET", `${path}/${id}`, undefined, service)).toEqual({ status: 200, body: entity });
    const change = { bloodType: "A", _name: { firstName: "Augusta", lastName: "King" } };
    expect(await call("PATCH", `${path}/${id}`, change, service)).toEqual({ status: 200, body: { ...entity, ...change } });
    for (const wrong of [
      { _credentialType: "OTP" },
      { _phone: "+12345678904" },
      { _mfa: { enabled: true } },
      { _password: "a secret" },
      { _username: "other" },
    ]) {
      expect(await call("PATCH", `${path}/${id}`, wrong, service)).toEqual({
        status: 400,
        body: problem("REQUEST_INVALID", "organization"),
      });
    }
    const disabled = await call("PATCH", `${path}/${id}`, { _enabled: "DISABLED" }, service);
    expect(disabled).toEqual({ status: 200, body: { ...entity, ...change, _enabled: "DISABLED" } });
    const { users } = await connectClient(UserService, on.app, { authorization }).listUsers({});
    expect(users.find(({ userId }) => userId === id)!.state).toBe(UserState.LOCKED);
    const enabled = await call("PATCH", `${path}/${id}`, { _enabled: "ENABLED" }, service);
    expect(enabled).toEqual({ status: 200, body: { ...entity, ...change } });
    const others = plural === "patients" ? "caregivers" : "patients";
    expect(await call("GET", `/organization/v1/users/${others}/${id}`, undefined, service)).toEqual({
      status: 404,
      body: problem("USER_NOT_FOUND", "organization"),
    });
    expect(await call("POST", path, body, service)).toEqual({
      status: 409,
      body: { ...problem("USERNAME_ALREADY_EXIST", "organization"), details: { userId: id } },
    });
    const { answer } = await signIn(body._phone);
    expect(answer).toMatchObject({ status: 200, body: { userId: id, ownerOrganizationId: organization } });
  });

  it("a template's name is kept, and a backend signs patients up", async () => {
    const service = await asService();
    const ofTemplate = await call(
      "POST",
      "/organization/v1/users/patients/templates/clinic",
      { _username: "ada@example.com", _credentialType: "OTP" },
      service,
    );
    expect(ofTemplate).toMatchObject({ status: 201, body: { _email: "ada@example.com", _template: { name: "clinic" } } });
    const signUp = { _username: "+12345678905", _password: "a secret", _credentialType: "OTP" };
    const signedUp = await call("POST", "/api-gateway/v1/sign-up", signUp, service);
    expect(signedUp).toMatchObject({ status: 201, body: { patient: { _id: uuid, _username: "+12345678905" } } });
    expect((await signIn("+12345678905")).answer.status).toBe(200);
  });

  it("only a backend with a client token registers users", async () => {
    const path = "/organization/v1/users/patients";
    const body = { _phone: "+12345678906", _credentialType: "OTP" };
    const { bearer } = await signIn();
    const before = await traces();
    expect(await call("POST", path, body)).toEqual({ status: 401, body: problem("TOKEN_NOT_VALID", "organization") });
    expect(await call("POST", path, body, bearer)).toEqual({ status: 403, body: problem("ACCESS_DENIED", "organization") });
    expect(await call("POST", "/api-gateway/v1/sign-up", body)).toEqual({
      status: 401,
      body: problem("TOKEN_NOT_VALID", "api-gateway"),
    });
    expect(await traces()).toEqual(before);
    const wrongKey = { id: backend.clientId, secretKey: "wrong" };
    expect(await call("POST", "/ums/v2/services/accessToken", wrongKey)).toEqual({
      status: 403,
      body: problem("LOGIN_FAILED"),
    });
  });

  it("users who are locked, registered without OTP or not at all get the answers of others, and no message", async () => {
    await on.stop();
    on = await startTestApp(
      { ...(await database()), LATCHKEY_AUTO_REGISTRATION: "off" },
      { developmentClients: [admin, backend] },
    );
    const users = connectClient(UserService, on.app, { authorization });
    await users.createUser({ appId: "default", phone });
    const locked = await users.createUser({ appId: "default", phone: "+12345678907" });
    await users.lockUser({ appId: "default", userId: locked.user!.userId });
    const service = await asService();
    const none = await call("POST", "/organization/v1/users/patients", { _phone: "+12345678908" }, service);
    expect(none).toMatchObject({ status: 201, body: { _credentialType: "PASSWORD" } });
    const shapes = new Set<string>();
    for (const to of [phone, "+12345678907", "+12345678908", "+12345678909"]) {
      const generated = await generate(to);
      expect(generated).toEqual({ status: 200, body: { requestId: uuid, phone: `******${to.slice(-4)}` } });
      const { requestId } = generated.body!;
      const { status, body } = await call("POST", "/ums/v2/users/otp/login", { requestId, code: "12" });
      shapes.add(JSON.stringify({ status, body: { ...body, traceId: "" } }));
    }
    expect([...shapes]).toHaveLength(1);
    await on.messages(phone);
    const inbox = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`);
    expect(((await inbox.json()) as { to: string }[]).map(({ to }) => to)).toEqual([phone]);
  });

  it("the public keys are those that tokens are signed with, as bare base64", async () => {
    const { publicKey } = (await call("GET", "/ums/v1/security/public-key")).body as unknown as { publicKey: string };
    const { answer } = await signIn();
    const pem = `-----BEGIN PUBLIC KEY-----\n${publicKey}\n-----END PUBLIC KEY-----`;
    const { token } = (answer.body as unknown as { accessJwt: { token: string } }).accessJwt;
    const verified = await compactVerify(token, await importSPKI(pem, "ES256"));
    expect(verified.protectedHeader.alg).toBe("ES256");
  });

  it.each([
    ["a prototype key", '{"_phone":"+12345678901","a":{"__proto__":{"b":1}}}'],
    ["a constructor key", '{"_phone":"+12345678901","constructor":{"b":1}}'],
    ["20,000 levels", `{"_phone":"+12345678901","a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`],
    ["a lone surrogate", '{"_phone":"+12345678901","a":"\\ud800"}'],
    ["a name that is a text", '{"_phone":"+12345678901","_name":"Ada"}'],
    ["an unknown credential type", '{"_phone":"+12345678901","_credentialType":"SMS"}'],
    ["no contact", "{}"],
  ])("a user with %s is refused in BioT's shape", async (_, body) => {
    const before = await traces();
    const answer = await call("POST", "/organization/v1/users/patients", body, await asService());
    expect(answer).toEqual({
      status: 400,
      body: problem(expect.stringMatching(/^(MALFORMED|REQUEST_INVALID)$/), "organization"),
    });
    expect(await traces()).toEqual(before);
  });

  it("its description is served as OpenAPI, with each path", async () => {
    const { body } = await call("GET", "/openapi/biot.json");
    expect(Object.keys((body as unknown as { paths: object }).paths)).toEqual(
      expect.arrayContaining(["/ums/v2/users/otp/generate", "/ums/v2/users/otp/login", "/ums/v2/users/self"]),
    );
  });
});
