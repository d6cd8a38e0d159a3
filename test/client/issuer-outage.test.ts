import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AccessTokenError, createAccessTokenVerifier } from "../../src/client/index.js";
import { createFakeClock } from "./support/fake-clock.js";

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

type KeyName = "first" | "second" | "stranger";
const keys = {} as Record<KeyName, Awaited<ReturnType<typeof generateKeyPair>>>;

beforeAll(async () => {
  for (const name of ["first", "second", "stranger"] as const)
    keys[name] = await generateKeyPair("ES256", { extractable: true });
});

/** An issuer on loopback that can stop answering. */
interface Issuer {
  readonly url: string;
  published: readonly KeyName[];
  /** `silent` accepts requests and holds them until the mode changes. */
  mode: "answering" | "silent" | "failing";
  /** Requests so far for keys, and the most that were open at once. */
  readonly seen: { keys: number; openMax: number };
  /** Closes the port, or opens it again. */
  down(): Promise<void>;
  up(): Promise<void>;
}

const running = new Set<Server>();

async function startIssuer(): Promise<Issuer> {
  const seen = { keys: 0, openMax: 0 };
  const open = new Set<ServerResponse>();
  let port = 0;
  let server: Server;
  const issuer: Issuer = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    published: ["first"],
    mode: "answering",
    seen,
    async down() {
      running.delete(server);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async up() {
      server = createServer((request, response) => {
        if (request.url === "/keys") seen.keys += 1;
        open.add(response);
        seen.openMax = Math.max(seen.openMax, open.size);
        response.on("close", () => open.delete(response));
        void answer(request.url!, response);
      });
      running.add(server);
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port;
    },
  };

  async function answer(path: string, response: ServerResponse): Promise<void> {
    while (issuer.mode === "silent" && !response.destroyed) await new Promise((resolve) => setTimeout(resolve, 5));
    response.setHeader("connection", "close");
    if (issuer.mode === "failing") return void response.writeHead(503).end();
    const jwks = issuer.published.map(async (kid) => ({
      ...(await exportJWK(keys[kid].publicKey)),
      kid,
      alg: "ES256",
      use: "sig",
    }));
    const documents: Record<string, unknown> = {
      "/.well-known/openid-configuration": { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` },
      "/keys": { keys: await Promise.all(jwks) },
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(documents[path]));
  }

  await issuer.up();
  return issuer;
}

let clock: ReturnType<typeof createFakeClock>;
let issuer: Issuer;
let verify: ReturnType<typeof createAccessTokenVerifier>;

beforeEach(async () => {
  clock = createFakeClock();
  issuer = await startIssuer();
  verify = createAccessTokenVerifier({ issuer: issuer.url, clock });
});
afterEach(() => {
  for (const server of running) {
    server.closeAllConnections();
    server.close();
  }
  running.clear();
});

function sign(kid: KeyName | "unknown" = "first"): Promise<string> {
  const iat = clock() / second;
  return new SignJWT({ sub: "u", sid: "s", client_id: "web", jti: "t", iss: issuer.url, aud: issuer.url, iat, exp: iat + 600 })
    .setProtectedHeader({ alg: "ES256", kid, typ: "at+jwt" })
    .sign(keys[kid === "unknown" ? "stranger" : kid].privateKey);
}

/** What checking a token, signed now, comes to: null is good. */
async function check(kid?: KeyName | "unknown"): Promise<string | null> {
  return await verify(await sign(kid)).then(
    () => null,
    (error: unknown) => (error as AccessTokenError).reason,
  );
}

function checks(count: number, kid?: KeyName | "unknown"): Promise<(string | null)[]> {
  return Promise.all(Array.from({ length: count }, () => check(kid)));
}

describe("while the issuer can't be reached", () => {
  beforeEach(async () => {
    expect(await check()).toBeNull();
  });

  it("known keys are good for a day from their last fetch, and not longer", async () => {
    await issuer.down();
    for (let hours = 0; hours < 24; hours += 1) {
      expect(await check()).toBeNull();
      clock.advance(hour);
    }
    expect(await check()).toBeNull();
    clock.advance(1);
    expect(await check()).toBe("KEYS_UNAVAILABLE");
  });

  it("a flood of tokens fetches once in each pause, and the pauses grow to half a minute at most", async () => {
    issuer.mode = "failing";
    issuer.seen.keys = 0;
    clock.advance(10 * minute + 1);
    expect(await checks(50)).toEqual(Array(50).fill(null));
    expect(issuer.seen.keys).toBe(1);
    for (let seconds = 0; seconds < 600; seconds += 1) {
      clock.advance(second);
      expect(await check()).toBeNull();
    }
    // Pauses of 1, 2, 4, 8, 16 and 30 s, each cut by up to a half.
    expect(issuer.seen.keys).toBeGreaterThanOrEqual(20);
    expect(issuer.seen.keys).toBeLessThanOrEqual(45);
    expect(issuer.seen.openMax).toBe(1);
  });

  it("one token at a time waits for a silent issuer, and all others are checked meanwhile", async () => {
    issuer.mode = "failing";
    clock.advance(11 * minute);
    await check();
    issuer.mode = "silent";
    clock.advance(second);
    issuer.seen.keys = 0;
    const token = await sign();
    const waiting = verify(token);
    await Promise.all(Array.from({ length: 20 }, () => verify(token)));
    issuer.mode = "answering";
    await waiting;
    expect(issuer.seen.keys).toBe(1);
  });

  it("a token of an unknown key is not called invalid, and fetches no more than the pauses allow", async () => {
    issuer.mode = "failing";
    issuer.seen.keys = 0;
    clock.advance(minute);
    expect(await checks(50, "unknown")).toEqual(Array(50).fill("KEYS_UNAVAILABLE"));
    expect(issuer.seen.keys).toBe(1);
  });
});

describe("when the issuer answers again", () => {
  it("a key that it no longer publishes is refused by the token that fetches, and a new one is good", async () => {
    expect(await check()).toBeNull();
    await issuer.down();
    clock.advance(5 * hour);
    expect(await check()).toBeNull();
    issuer.published = ["second"];
    await issuer.up();
    clock.advance(30 * second);
    expect(await check("first")).toBe("TOKEN_INVALID");
    expect(await check("second")).toBeNull();
  });

  it("a verifier that never had keys works half a minute later at the latest", async () => {
    await issuer.down();
    for (let minutes = 0; minutes < 10; minutes += 1) {
      expect(await checks(5)).toEqual(Array(5).fill("KEYS_UNAVAILABLE"));
      clock.advance(minute);
    }
    expect(await check()).toBe("KEYS_UNAVAILABLE");
    await issuer.up();
    clock.advance(30 * second);
    expect(await check()).toBeNull();
  });
});

describe("while the issuer answers", () => {
  it("tokens of unknown keys fetch once in half a minute, however many come", async () => {
    expect(await check()).toBeNull();
    issuer.seen.keys = 0;
    clock.advance(31 * second);
    for (let rounds = 0; rounds < 3; rounds += 1) {
      expect(await checks(50, "unknown")).toEqual(Array(50).fill("TOKEN_INVALID"));
      expect(issuer.seen.keys).toBe(rounds + 1);
      clock.advance(30 * second);
    }
  });

  it("a key that it no longer publishes is good for ten minutes at most, a clock that is set back included", async () => {
    expect(await check()).toBeNull();
    issuer.published = ["second"];
    clock.advance(10 * minute);
    expect(await check("first")).toBeNull();
    clock.advance(1);
    expect(await check("first")).toBe("TOKEN_INVALID");
    issuer.published = ["first"];
    clock.advance(-2 * hour);
    expect(await check("second")).toBe("TOKEN_INVALID");
    expect(await check("first")).toBeNull();
  });
});
