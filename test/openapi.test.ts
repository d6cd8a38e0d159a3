import { Code } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString } from "@connectrpc/connect/protocol-connect";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { afterAll, beforeAll, expect, it } from "vitest";
import * as gen from "../src/client/gen.js";
import { AuthService } from "../src/gen/latchkey/v1/auth_service_pb.js";
import { wireErrors } from "../src/rpc/errors.js";
import { startTestApp, type TestApp } from "./support/app.js";
import { servicesIn } from "./support/services.js";

interface Operation {
  readonly operationId: string;
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly responses: Readonly<Record<string, unknown>>;
  /** References have no name and no place. */
  readonly parameters: readonly {
    readonly name?: string;
    readonly in?: string;
    readonly schema?: { readonly const: string };
  }[];
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
  const methods = servicesIn(gen).flatMap(({ methods, typeName }) => methods.map(({ name }) => `/${typeName}/${name}`));
  expect(Object.keys(api.paths).sort()).toEqual(methods.sort());
});

it("names the statuses of every reason of a refusal", () => {
  const { responses } = api.paths[`/${AuthService.typeName}/SendOtp`]!.post!;
  const codes = [...new Set(Object.values(wireErrors).map(([code]) => code)), Code.Unimplemented];
  const statuses = codes.map((code) => String(codeToHttpStatus(code)));
  expect(Object.keys(responses)).toEqual([...new Set(["200", ...statuses])].toSorted());
  for (const code of codes) {
    const { description } = responses[String(codeToHttpStatus(code))] as { description: string };
    expect(description).toMatch(new RegExp(`\\b${codeToString(code)}\\b`));
  }
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

it.each([
  ["without an identifier", {}],
  ["with two identifiers", { email: "a@example.com", username: "ada" }],
  ["with an unknown field", { mail: "a@example.com" }],
  ["with an empty identifier", { email: "" }],
])("refuses what the server refuses: a request %s", async (_what, request) => {
  const validate = ajv.getSchema("api#/components/schemas/SendOtpRequest") as ValidateFunction;
  expect(validate(request)).toBe(false);
  const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
  const body = JSON.stringify(request);
  const response = await fetch(`${url}/${AuthService.typeName}/SendOtp`, { method: "POST", headers, body });
  expect(response.status).toBe(400);
});

it("its GET of a method without side effects is answered", async () => {
  const path = `/${AuthService.typeName}/GetCurrentUser`;
  expect(Object.keys(api.paths[path]!).sort()).toEqual(["get", "post"]);
  const { parameters } = api.paths[path]!.get!;
  const query = new URLSearchParams();
  for (const { name, in: place, schema } of parameters)
    if (place === "query") query.set(name!, schema?.const ?? JSON.stringify({}));
  const response = await fetch(`${url}${path}?${query}`);
  expect(response.status).toBe(401);
  checked(["components", "schemas", "Error"], await response.json());
});
