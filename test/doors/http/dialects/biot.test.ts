import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../../../src/crypto/client-secret.js";
import { UserService } from "../../../../src/gen/latchkey/v1/user_service_pb.js";
import { startTestApp, type TestApp } from "../../../support/app.js";
import { wrongCode } from "../../../support/calls.js";
import { connectClient } from "../../../support/clients.js";
import { testEngines } from "../../../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
const phone = "+12345678901";
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
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
    on = await startTestApp(await database(), { developmentClients: [admin] });
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
  const generate = (to = phone) => call("POST", "/ums/v2/users/otp/generate", { phone: to });
  const problem = (code: string) => ({
    code,
    message: expect.stringMatching(/./),
    serviceName: "ums",
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

  it("a code that comes as a number counts with its leading zeros", async () => {
    const { requestId } = (await generate()).body!;
    const [message] = await on.messages(phone);
    const answer = await call(
      "POST",
      "/ums/v2/users/otp/login",
      `{"requestId":"${requestId}","code":${Number(message!.code)}}`,
    );
    expect(answer.status).toBe(200);
  });

  it("a code lives for 2 minutes by default, and as long as the app says if it says so", async () => {
    const { requestId } = (await generate()).body!;
    const [message] = await on.messages(phone);
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

  it("its description is served as OpenAPI, with each path", async () => {
    const { body } = await call("GET", "/openapi/biot.json");
    expect(Object.keys((body as unknown as { paths: object }).paths)).toEqual(
      expect.arrayContaining(["/ums/v2/users/otp/generate", "/ums/v2/users/otp/login", "/ums/v2/users/self"]),
    );
  });
});
