import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AuthService } from "../src/gen/latchkey/v1/auth_service_pb.js";
import { startTestApp, type TestApp } from "./support/app.js";

interface Operation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Api {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly servers: readonly { readonly url: string }[];
}

let on: TestApp;
let url: string;
let api: Api;
let ajv: Ajv2020;
beforeAll(async () => {
  on = await startTestApp();
  url = `http://127.0.0.1:${on.app.httpPort}`;
  api = (await (await fetch(`${url}/openapi.json`)).json()) as Api;
  ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(api, "api");
});
afterAll(async () => await on.stop());

const escaped = (key: string): string => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"));

function checked(pointer: readonly string[], value: unknown): void {
  const validate = ajv.getSchema(`api#/${pointer.map(escaped).join("/")}`) as ValidateFunction;
  expect(validate(value), JSON.stringify({ value, errors: validate.errors })).toBe(true);
}

/** Calls an operation by what the document says of it, and checks the request and the answer against its schemas. */
async function call(operationId: string, request: object, token?: string): Promise<{ status: number; body: never }> {
  const [path, operations] = Object.entries(api.paths).find(([, { post }]) => post?.operationId === operationId)!;
  const place = ["paths", path, "post"];
  checked([...place, "requestBody", "content", "application/json", "schema"], request);
  const bearer = operations.post!.security.some((one) => "accessToken" in one) && token !== undefined;
  const headers = {
    "content-type": "application/json",
    "connect-protocol-version": "1",
    ...(bearer && { authorization: `Bearer ${token}` }),
  };
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(request) });
  const body = await response.json();
  checked([...place, "responses", String(response.status), "content", "application/json", "schema"], body);
  return { status: response.status, body: body as never };
}

it("the OpenAPI document is valid OpenAPI 3.1, can be cached, and names the issuer as its server", async () => {
  const response = await fetch(`${url}/openapi.json`);
  expect(response.headers.get("cache-control")).toBe("public, max-age=300");
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await new Validator().validate(structuredClone(api) as never)).toMatchObject({ valid: true });
  expect(api.servers).toEqual([{ url: "http://localhost:8080" }]);
});

it("lists every method of the composed services and no other", () => {
  const methods = AuthService.methods.map(({ name }) => `/${AuthService.typeName}/${name}`);
  expect(Object.keys(api.paths).sort()).toEqual(methods.sort());
});

it("names the statuses of every reason of a refusal", () => {
  const { responses } = api.paths[`/${AuthService.typeName}/SendOtp`]!.post!;
  expect(Object.keys(responses)).toEqual(["200", "400", "401", "403", "404", "429", "499", "500", "501", "503", "504"]);
});

it("is enough to sign a user in: real requests, answers and refusals have the schemas that it gives them", async () => {
  const sent = await call("SendOtp", { email: "ada@example.com", createUserIfMissing: true });
  const { challenge } = sent.body as { challenge: { challengeId: string } };
  const { code } = await on.messageOf(challenge as never);
  const { challengeId } = challenge;
  const { body } = await call("VerifyOtp", { challengeId, code });
  const { accessToken, refreshToken } = (body as { tokens: Record<string, string> }).tokens;
  const refreshed = await call("RefreshToken", { refreshToken });
  const change = { displayName: "Ada", customAttributes: { plan: { seats: 3 } }, updateMask: "displayName,customAttributes" };
  const statuses = [
    sent,
    refreshed,
    await call("UpdateCurrentUser", change, accessToken),
    await call("GetCurrentUser", {}, accessToken),
    await call("ListSessions", {}, accessToken),
    await call("RevokeOtherSessions", {}, accessToken),
    await call("VerifyOtp", { challengeId, code }),
    await call("SendOtp", { email: "ada" }),
    await call("SendOtp", { email: "ada@example.com", purpose: "PURPOSE_REGISTRATION" }),
    await call("GetCurrentUser", {}),
    await call("RevokeToken", { token: refreshToken }),
  ].map(({ status }) => status);
  expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 401, 400, 403, 401, 200]);
});

it("refuses what the server refuses: requests without an identifier, with two, or with unknown fields", () => {
  const validate = ajv.getSchema("api#/components/schemas/SendOtpRequest") as ValidateFunction;
  const verdicts = [{}, { email: "a@example.com", username: "ada" }, { mail: "a@example.com" }, { email: "" }].map((one) =>
    validate(one),
  );
  expect(verdicts).toEqual([false, false, false, false]);
});

it("its GET of a method without side effects is answered", async () => {
  const path = `/${AuthService.typeName}/GetCurrentUser`;
  expect(Object.keys(api.paths[path]!).sort()).toEqual(["get", "post"]);
  const response = await fetch(`${url}${path}?connect=v1&encoding=json&message=%7B%7D`);
  expect(response.status).toBe(401);
  checked(["components", "schemas", "Error"], await response.json());
});
