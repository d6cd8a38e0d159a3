import { generateKeyPairSync } from "node:crypto";
import { SignJWT } from "jose";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { loadLookupKeys } from "../../src/crypto/lookup-keys.js";
import { createSealer } from "../../src/crypto/sealing.js";
import { blankClient, type Client, type ClientSecret } from "../../src/model/client.js";
import { fixedPolicy, type Policy } from "../../src/model/policy.js";
import { type ClientAuthentication, createClientAuthentication, failureLimits } from "../../src/rpc/client-authentication.js";
import type { Store } from "../../src/store/port/store.js";
import { storeEngines } from "../apps/stores.js";
import { ringOf } from "../crypto/fixtures.js";
import { eventually, type FakeClock, fakeClock, keptLog } from "../support/app.js";
import { createDirectory, plainApp, publicClient } from "../support/directory.js";

const issuer = "https://login.example.com";
const hour = 60 * 60_000;
const address = "192.0.2.1";
const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwks = JSON.stringify({ keys: [pair.publicKey.export({ format: "jwk" })] });

describe.each(storeEngines())("client authentication on $engine", ({ open }) => {
  let stores: readonly Store[];
  let clock: FakeClock;
  let secrets: readonly (ClientSecret & { readonly secret: string })[];
  /** Two processes that share the database. */
  let processes: readonly ClientAuthentication[];
  let refusals: string[];

  beforeAll(async () => {
    stores = await open(2);
  });

  beforeEach(async () => {
    clock = fakeClock();
    refusals = [];
    const now = clock();
    secrets = [null, null, now + hour].map((expiresAt, index) => {
      const { secret, hash } = newClientSecret();
      return { secretId: `s${index}-${secret.slice(3, 10)}`, secret, hash, createdAt: now, expiresAt, lastUsedAt: null };
    });
    const [apps] = stores.map((store) => store.apps);
    await apps!.deleteClient({ clientId: "backend", now });
    await apps!.deleteClient({ clientId: "keyed", now });
    for (const clientId of ["backend", "keyed"]) {
      const client = { ...blankClient, clientId, appId: "default", kind: "confidential" as const, createdAt: now };
      await apps!.createClient({ client, secret: clientId === "backend" ? secrets[0]! : null });
    }
    processes = await Promise.all(stores.map((store) => authentication(store)));
  });

  async function authentication(store: Store, limits = failureLimits): Promise<ClientAuthentication> {
    const confidential = (clientId: string, given: Partial<Client>) =>
      publicClient({ clientId, kind: "confidential", scopes: new Set(["otp:send"]), ...given });
    const clients = [
      confidential("backend", { secrets, allowedAddresses: [] }),
      confidential("keyed", { jwks }),
      confidential("fenced", { secrets: [secrets[0]!], allowedAddresses: ["192.0.2.0/24", "2001:db8::1"] }),
      { ...publicClient({ clientId: "web" }), secrets },
    ];
    const policy = fixedPolicy as unknown as Policy;
    const app = plainApp({ appId: "default", audience: issuer, policy });
    return createClientAuthentication({
      store,
      clock,
      log: keptLog(),
      metrics: { budgetRefused: (budget: string) => void refusals.push(budget) } as never,
      lookup: await loadLookupKeys({ store, sealer: createSealer(ringOf("m1")), now: clock() }),
      directory: createDirectory({ apps: [app], clients, fallbackId: null }),
      audiences: [issuer, `${issuer}/oauth2/token`],
      failureLimits: limits,
    });
  }

  const withSecret = (secret: string, { clientId = "backend", from = address, process = 0 } = {}) =>
    processes[process]!.authenticate({ kind: "secret", clientId, secret }, from);
  const wrong = (n = 0) => `lk_${String(n).padStart(43, "A")}`;
  const assertion = (jti: string, exp = clock() / 1000 + 60) =>
    new SignJWT({ iss: "keyed", sub: "keyed", aud: issuer, jti, exp })
      .setProtectedHeader({ alg: "ES256" })
      .sign(pair.privateKey);
  const withAssertion = (text: string, { process = 0, from = address } = {}) =>
    processes[process]!.authenticate({ kind: "assertion", assertion: text }, from);

  it("takes each live secret of a client, and no ended one", async () => {
    for (const { secret } of secrets) {
      expect((await withSecret(secret)).client.clientId).toBe("backend");
    }
    clock.advance(hour);
    expect((await withSecret(secrets[1]!.secret)).client.clientId).toBe("backend");
    await expect(withSecret(secrets[2]!.secret)).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
  });

  it("refuses a wrong secret, an unknown client, a public one and a wrong address alike, and what was given is in no error", async () => {
    const right = secrets[0]!.secret;
    const attempts = [
      () => withSecret(wrong(), { from: "198.51.100.1" }),
      () => withSecret("", { from: "198.51.100.1" }),
      () => withSecret(right, { clientId: "nobody", from: "198.51.100.1" }),
      () => withSecret(right, { clientId: "", from: "198.51.100.1" }),
      () => withSecret(right, { clientId: "keyed", from: "198.51.100.1" }),
      () => withSecret(right, { clientId: "web", from: "198.51.100.1" }),
      () => withSecret(right, { clientId: "fenced", from: "198.51.100.1" }),
    ];
    for (const attempt of attempts) {
      const error: Error = await attempt().then(
        () => new Error("let in"),
        (cause) => cause,
      );
      expect(error).toMatchObject({ reason: "CLIENT_INVALID", metadata: {}, violations: [] });
      expect(JSON.stringify([error.message, error])).not.toContain(right.slice(3));
    }
  });

  it("lets a client that is bound to addresses in from these", async () => {
    const { secret } = secrets[0]!;
    for (const from of ["192.0.2.77", "2001:db8::1"]) {
      expect((await withSecret(secret, { clientId: "fenced", from })).client.clientId).toBe("fenced");
    }
    for (const from of ["192.0.3.1", "2001:db8::2"]) {
      await expect(withSecret(secret, { clientId: "fenced", from })).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
    }
  });

  it("throttles the failures of one network over all processes and clients, and never the right secret", async () => {
    const from = "203.0.113.9";
    const guess = (n: number) => withSecret(wrong(n), { from, process: n % 2, clientId: n % 3 === 0 ? "nobody" : "backend" });
    const settled = await Promise.allSettled(Array.from({ length: 200 }, (_, n) => guess(n)));
    const reasons = settled.map((one) => (one.status === "rejected" ? one.reason.reason : "let in"));
    expect(reasons.filter((reason) => reason === "CLIENT_INVALID")).toHaveLength(10);
    expect(reasons.filter((reason) => reason === "TOO_MANY_REQUESTS")).toHaveLength(190);
    expect(new Set(refusals)).toEqual(new Set(["client_failure"]));
    await expect(guess(0)).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS", retryAfterMs: hour });
    // The right secret works from the same address, a wrong one from another.
    expect((await withSecret(secrets[0]!.secret, { from })).client.clientId).toBe("backend");
    await expect(withSecret(wrong(), { from: "203.0.113.10" })).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
    clock.advance(hour);
    await expect(guess(1)).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
  });

  it("counts all addresses of an IPv6 network as one", async () => {
    for (let n = 0; n < 10; n += 1) {
      await expect(withSecret(wrong(n), { from: `2001:db8:1:2::${n}` })).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
    }
    const refused = withSecret(wrong(), { from: "2001:db8:1:2:3::" });
    await expect(refused).rejects.toMatchObject({ reason: "TOO_MANY_REQUESTS" });
  });

  it("without limits, as in development, refuses any number of failures plainly", async () => {
    const free = await authentication(stores[0]!, []);
    for (let n = 0; n < 15; n += 1) {
      const attempt = free.authenticate({ kind: "secret", clientId: "backend", secret: wrong(n) }, "203.0.113.20");
      await expect(attempt).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
    }
  });

  it("records that a secret was used, once an hour", async () => {
    const used = () => stores[1]!.apps.findClient("backend").then((found) => found!.secrets[0]!.lastUsedAt);
    expect(await used()).toBeNull();
    await withSecret(secrets[0]!.secret);
    const first = await eventually("the use", async () => (await used()) ?? undefined);
    expect(first % hour).toBe(0);
    clock.advance(hour);
    await withSecret(secrets[0]!.secret);
    expect(await eventually("the next use", async () => ((await used()) === first ? undefined : await used()))).toBe(
      first + hour,
    );
  });

  it("takes an assertion once: of 100 calls at two processes one is let in", async () => {
    const text = await assertion("race");
    const calls = Array.from({ length: 100 }, (_, n) => withAssertion(text, { process: n % 2, from: `198.51.100.${n}` }));
    const settled = await Promise.allSettled(calls);
    expect(settled.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const one of settled) if (one.status === "rejected") expect(one.reason).toMatchObject({ reason: "CLIENT_INVALID" });
    expect((await withAssertion(await assertion("another"))).client.clientId).toBe("keyed");
  });

  it("refuses an assertion again as long as it could be valid", async () => {
    const text = await assertion("kept", clock() / 1000 + 300);
    await withAssertion(text);
    clock.advance(300_000 + 29_000);
    await expect(withAssertion(text, { process: 1 })).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
  });

  it("refuses an assertion of a client without keys, of an unknown one, and garbage", async () => {
    const sign = (clientId: string) =>
      new SignJWT({ iss: clientId, sub: clientId, aud: issuer, jti: clientId, exp: clock() / 1000 + 60 })
        .setProtectedHeader({ alg: "ES256" })
        .sign(pair.privateKey);
    for (const text of [await sign("backend"), await sign("nobody"), "garbage", ""]) {
      await expect(withAssertion(text, { from: "198.51.100.200" })).rejects.toMatchObject({ reason: "CLIENT_INVALID" });
    }
  });
});
