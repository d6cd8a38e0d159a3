import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuthService } from "../../../src/gen/latchkey/v1/auth_service_pb.js";
import { assertionAlgs } from "../../../src/model/oauth.js";
import { scopes } from "../../../src/model/scope.js";
import { toChallenge } from "../../../src/rpc/convert/challenge.js";
import { challenge, createFakeApp, type DoorSettings, type Doors, issuer, openDoors } from "../../support/rpc.js";
import { ownDoors } from "../own.js";
import { deferred } from "../raw.js";

const { sendOtp } = AuthService.method;
const sendRequest = { identifier: { case: "email" as const, value: "ada@example.com" } };
const path = "/latchkey.v1.AuthService/RevokeToken";

let doors: Doors;
beforeAll(async () => {
  doors = await openDoors(createFakeApp());
});
afterAll(async () => await doors.stop());

const own = (settings?: DoorSettings) => ownDoors("Connect JSON", settings);

async function post(body: string) {
  const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
  return await fetch(`${doors.webUrl}${path}`, { method: "POST", headers, body });
}

describe("L07: headers", () => {
  it("are on every answer", async () => {
    const answers = [
      await fetch(`${doors.webUrl}/healthz`),
      await fetch(`${doors.webUrl}/none`),
      await fetch(`${doors.webUrl}${path}`),
      await fetch(`${doors.webUrl}/.well-known/jwks.json`),
      await fetch(`${doors.webUrl}${path}`, { method: "OPTIONS" }),
      await post('{"token":"t"}'),
      await post("{"),
    ];
    for (const { headers } of answers) {
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
      expect(headers.get("vary")).toBe("Origin");
      expect(headers.get("server") ?? headers.get("x-powered-by")).toBeNull();
    }
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 405, 200, 204, 200, 400]);
  });

  it("L06: answers to calls are not stored anywhere", async () => {
    expect((await post('{"token":"t"}')).headers.get("cache-control")).toBe("no-store");
    expect((await post("{")).headers.get("cache-control")).toBe("no-store");
  });
});

describe("documents", () => {
  it("health is ok while the process lives, readiness while it serves and its parts answer", async () => {
    let broken = false;
    const ready = async () => {
      if (broken) throw new Error("no database");
    };
    const { doors } = await own({ ready });
    const status = async (at: string) => (await fetch(`${doors.webUrl}${at}`)).status;
    expect([await status("/healthz"), await status("/readyz")]).toEqual([200, 200]);
    doors.web.setServing(false);
    expect([await status("/healthz"), await status("/readyz")]).toEqual([200, 503]);
    broken = true;
    const { doors: others } = await own({ ready });
    expect((await fetch(`${others.webUrl}/readyz`)).status).toBe(503);
  });

  it("keys and metadata can be kept for five minutes, and the metadata lists what exists", async () => {
    const keys = await fetch(`${doors.webUrl}/.well-known/jwks.json`);
    expect([keys.headers.get("cache-control"), keys.headers.get("content-type")]).toEqual([
      "public, max-age=300",
      "application/json",
    ]);
    const [openid, oauth] = await Promise.all(
      ["openid-configuration", "oauth-authorization-server"].map(
        async (name) => await (await fetch(`${doors.webUrl}/.well-known/${name}`)).json(),
      ),
    );
    expect(openid).toEqual(oauth);
    const confidential = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
    expect(openid).toEqual({
      issuer,
      jwks_uri: `${issuer}/.well-known/jwks.json`,
      token_endpoint: `${issuer}/oauth2/token`,
      token_endpoint_auth_methods_supported: [...confidential, "none"],
      token_endpoint_auth_signing_alg_values_supported: assertionAlgs,
      introspection_endpoint: `${issuer}/oauth2/introspect`,
      introspection_endpoint_auth_methods_supported: confidential,
      introspection_endpoint_auth_signing_alg_values_supported: assertionAlgs,
      revocation_endpoint: `${issuer}/oauth2/revoke`,
      revocation_endpoint_auth_methods_supported: [...confidential, "none"],
      revocation_endpoint_auth_signing_alg_values_supported: assertionAlgs,
      response_types_supported: [],
      grant_types_supported: ["client_credentials", "refresh_token"],
      scopes_supported: [...scopes, "one-time-password-sms:send-validate"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256"],
      claims_supported: expect.arrayContaining(["iss", "sub", "aud", "exp", "iat", "sid", "auth_time", "amr"]),
    });
  });

  it("begin with a page whose links all lead somewhere and that names no version", async () => {
    const page = await fetch(`${doors.webUrl}/`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    const html = await page.text();
    const links = Array.from(html.matchAll(/<a href="([^"]+)">/g), ([, href]) => new URL(href!, `${doors.webUrl}/`));
    expect(links.length).toBeGreaterThanOrEqual(4);
    for (const link of links) expect((await fetch(link)).status, link.pathname).toBe(200);
    expect(html).not.toMatch(/\d+\.\d+\.\d+/);
  });

  it("are read only; M07: there is nothing else", async () => {
    const status = async (at: string, method = "GET") => (await fetch(`${doors.webUrl}${at}`, { method })).status;
    expect([await status("/healthz", "POST"), await status("/.well-known/jwks.json", "DELETE")]).toEqual([405, 405]);
    expect(await status("/healthz", "HEAD")).toBe(200);
    for (const at of [
      "/metrics",
      "/debug",
      "/latchkey.v1.AuthService",
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ]) {
      expect(await status(at)).toBe(404);
    }
  });
});

describe("the end of the web door", () => {
  it("lets a running call end and takes no new connection", async () => {
    const { app, doors, caller } = await own();
    const [entered, release] = [deferred(), deferred()];
    app.sendOtp = async () => {
      entered.resolve();
      await release.promise;
      return { challenge: toChallenge(challenge) };
    };
    const call = caller.call(sendOtp, sendRequest);
    await entered.promise;
    const started = performance.now();
    const drained = doors.web.drain(10_000);
    await expect(fetch(`${doors.webUrl}/healthz`)).rejects.toThrow("fetch failed");
    release.resolve();
    expect((await call).challenge?.challengeId).toBe(challenge.challengeId);
    await drained;
    expect(performance.now() - started).toBeLessThan(2000);
  });
});
