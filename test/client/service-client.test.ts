import { credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as gen from "../../src/client/gen.js";
import { createServiceClient as overGrpc } from "../../src/client/grpc.js";
import { errorDetails, createServiceClient as overConnect, type ServiceClient } from "../../src/client/service.js";
import { scopes } from "../../src/model/scope.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { addBackend, type TestBackend } from "../support/backends.js";

let on: TestApp;
let backend: TestBackend;

beforeAll(async () => {
  on = await startTestApp();
  backend = await addBackend(on, { clientId: "shop-backend", scopes });
});
afterAll(() => on.stop());

type Create = (options: { clientSecret?: string; clock?: () => number }) => ServiceClient;

const transports: Readonly<Record<string, Create>> = {
  gRPC: (options) =>
    overGrpc({
      target: `127.0.0.1:${on.app.grpcPort}`,
      credentials: credentials.createInsecure(),
      clock: on.clock,
      ...backend,
      ...options,
    }),
  Connect: (options) =>
    overConnect({ baseUrl: `http://127.0.0.1:${on.app.httpPort}`, clock: on.clock, ...backend, ...options }),
};

/** How often the server has answered IssueClientToken, whatever the answer. */
async function tokensAsked(): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`);
  const counts = (await response.text()).matchAll(
    /^latchkey_call_duration_seconds_count\{[^}]*method="latchkey\.v1\.TokenService\/IssueClientToken"[^}]*\} (\d+)$/gm,
  );
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
const reasonOf = async (call: Promise<unknown>) => errorDetails(await failureOf(call)).reason;

describe.each(Object.entries(transports))("createServiceClient over %s", (name, create) => {
  let before: number;
  beforeEach(async () => {
    before = await tokensAsked();
  });
  const asked = async () => (await tokensAsked()) - before;
  const emailOf = (person: string) => ({ case: "email", value: `${person}@${name.toLowerCase()}.example.com` }) as const;

  it("signs a user in for an end user's address, and calls as that user with the user's own token", async () => {
    const client = create({});
    const { auth } = client.forEndUser("198.51.100.7");
    const { challenge } = await auth.sendOtp({ identifier: emailOf("ada"), createUserIfMissing: true });
    const { tokens, user } = await auth.verifyOtp(await on.messageOf(challenge));
    const headers = { authorization: `Bearer ${tokens!.accessToken}` };
    expect((await client.auth.getCurrentUser({}, { headers })).user).toEqual(user);
    const { sessions } = await client.auth.listSessions({}, { headers });
    expect(sessions).toMatchObject([{ ip: "198.51.100.7", clientId: backend.clientId }]);
    client.close();
  });

  it("fetches one token for 30 concurrent first calls, and keeps it", async () => {
    const client = create({});
    const lists = await Promise.all(Array.from({ length: 30 }, () => client.app.listApps({})));
    expect(lists.map(({ apps }) => apps[0]?.appId)).toEqual(Array.from({ length: 30 }, () => "default"));
    expect((await client.app.getApp({ appId: "default" })).app?.appId).toBe("default");
    expect(await asked()).toBe(1);
    client.close();
  });

  it("renews the token before it expires", async () => {
    const client = create({});
    const first = await client.getToken();
    on.clock.advance(15 * 60_000 - 5000);
    await client.app.listApps({});
    expect(await client.getToken()).not.toBe(first);
    expect(await asked()).toBe(2);
    client.close();
  });

  it("renews a token that the server does not accept any longer, once for all calls, and repeats them", async () => {
    const standing = on.clock();
    const client = create({ clock: () => standing });
    const first = await client.getToken();
    on.clock.advance(16 * 60_000);
    const lists = await Promise.all(Array.from({ length: 10 }, () => client.app.listApps({})));
    expect(lists.every(({ apps }) => apps.length > 0)).toBe(true);
    expect(await client.getToken()).not.toBe(first);
    expect(await asked()).toBe(2);
    client.close();
  });

  it("throws the refusal of a wrong secret without the secret, and asks once", async () => {
    const clientSecret = `lk_${"A".repeat(43)}`;
    const client = create({ clientSecret });
    const error = await failureOf(client.app.listApps({}));
    expect(errorDetails(error).reason).toBe("CLIENT_INVALID");
    expect(`${error} ${JSON.stringify(error)}`).not.toContain(clientSecret);
    expect(await asked()).toBe(1);
    client.close();
  });

  it("sends no client token with a method for users, and does not renew it there", async () => {
    const client = create({});
    expect(await reasonOf(client.auth.getCurrentUser({}))).toBe("TOKEN_INVALID");
    const headers = { authorization: "Bearer garbage" };
    expect(await reasonOf(client.auth.sendOtp({ identifier: emailOf("ada") }, { headers }))).toBe("TOKEN_INVALID");
    expect(await asked()).toBe(0);
    client.close();
  });

  it("ends a call at its deadline, and before a token is there when its signal aborts", async () => {
    const client = create({});
    await client.getToken();
    const late = await failureOf(client.app.listApps({}, { timeoutMs: 0.001 }));
    expect(late).toMatchObject({ code: 4 });
    const stopped = AbortSignal.abort(new Error("stopped"));
    await expect(create({}).app.listApps({}, { signal: stopped })).rejects.toThrow();
    client.close();
  });

  it("has a client of every service of latchkey.v1", () => {
    const client = create({});
    const services = Object.keys(gen).filter((key) => key.endsWith("Service"));
    expect(services.length).toBeGreaterThan(2);
    for (const key of services) {
      const short = (key[0]!.toLowerCase() + key.slice(1, -"Service".length)) as "auth";
      expect(Object.keys(client[short]).length, key).toBeGreaterThan(0);
      expect(Object.keys(client.forEndUser("192.0.2.1")[short]), key).toEqual(Object.keys(client[short]));
    }
    client.close();
  });
});

it("the types name the services' methods", () => {
  const client = transports.Connect!({});
  // @ts-expect-error the request has no such field
  expect(() => void client.app.getApp({ app: 1 }).catch(() => {})).not.toThrow();
});
