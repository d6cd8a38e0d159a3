import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { bearer, refused, signIn, wrongCode } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const email = "ada@example.com";
const identifier = { case: "email", value: email } as const;

describe.each(testEngines())("the metrics, on $engine,", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  async function linesOf(name: string): Promise<string[]> {
    const text = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
    return text.split("\n").filter((line) => line.startsWith(name));
  }

  it("count challenges that expired by purpose and channel, and neither decoys nor redeemed ones", async () => {
    await signIn(on, email);
    await on.auth.sendOtp({ identifier: { case: "email", value: "nobody@example.com" } });
    await on.auth.registerUser({ email: "grace@example.com", displayName: "Grace" });
    on.clock.advance(5 * 60_000);
    const counted = await eventually("the sweep of what expired", async () => {
      const lines = await linesOf("latchkey_challenges_expired_total{");
      return lines.length > 0 ? lines : undefined;
    });
    expect(counted).toEqual(['latchkey_challenges_expired_total{purpose="registration",channel="email"} 1']);
  });

  it("count reused refresh tokens from the first one on, and none that a lost reply explains", async () => {
    const { refreshToken } = (await signIn(on, email)).tokens;
    const refresh = () => on.auth.refreshToken({ refreshToken });
    const reused = async () => (await linesOf("latchkey_refresh_tokens_reused_total"))[0]?.split(" ")[1];
    await refresh();
    await refresh();
    expect(await reused()).toBe("0");
    on.clock.advance(60_000);
    expect((await refused(refresh())).reason).toBe("REFRESH_TOKEN_REUSED");
    expect(await reused()).toBe("1");
    await refused(refresh());
    expect(await reused()).toBe("1");
  });
});

describe("the metrics", () => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ LATCHKEY_RESEND_COOLDOWN: "30s" });
  });
  afterEach(() => on.stop());

  const fetchMetrics = (path = "/metrics", init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${on.app.metricsPort}${path}`, init);

  /** Samples of a scrape by name and labels, as Prometheus' text format writes them. */
  async function scrape(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetchMetrics()).text();
    const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(
      samples.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(0, at), Number(line.slice(at + 1))];
      }),
    );
  }

  /** How much the samples that begin with `name` and have all `labels` have grown while `act` ran. */
  async function growth(act: () => Promise<unknown>, name: string, labels: Readonly<Record<string, string>> = {}) {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
    const sum = (samples: ReadonlyMap<string, number>) =>
      [...samples]
        .filter(([sample]) => sample.split("{")[0] === name && wanted.every((label) => sample.includes(label)))
        .reduce((total, [, value]) => total + value, 0);
    const before = sum(await scrape());
    await act();
    return sum(await scrape()) - before;
  }

  it("count every call by method, door and gRPC code, with its duration", async () => {
    const call = { method: "latchkey.v1.AuthService/SendOtp", door: "web" };
    const send = () => on.auth.sendOtp({ identifier, createUserIfMissing: true });
    const calls = "latchkey_call_duration_seconds_count";
    expect(await growth(send, calls, { ...call, code: "OK" })).toBe(1);
    expect(await growth(() => refused(send()), calls, { ...call, code: "RESOURCE_EXHAUSTED" })).toBe(1);
    expect(
      await growth(() => refused(on.auth.sendOtp({ identifier: { case: "email", value: "@" } })), calls, {
        code: "INVALID_ARGUMENT",
      }),
    ).toBe(1);
    expect(
      await growth(() => refused(on.auth.getCurrentUser({}, bearer("no.token.here"))), calls, { code: "UNAUTHENTICATED" }),
    ).toBe(1);
  });

  it("count challenges issued, resent and redeemed by purpose and channel, and what was sent by provider", async () => {
    const login = { purpose: "login", channel: "email" };
    const issued = "latchkey_challenges_issued_total";
    expect(await growth(() => signIn(on, email), issued, { ...login, decoy: "false" })).toBe(1);
    const decoy = () => on.auth.sendOtp({ identifier: { case: "email", value: "nobody@example.com" } });
    expect(await growth(decoy, issued, { ...login, decoy: "true" })).toBe(1);
    expect(await growth(() => signIn(on, "grace@example.com"), "latchkey_challenges_redeemed_total", login)).toBe(1);
    const resend = async () => {
      on.clock.advance(60_000);
      const { challenge } = await on.auth.sendOtp({ identifier });
      on.clock.advance(60_000);
      await on.auth.sendOtp({ identifier: { case: "challengeId", value: challenge!.challengeId } });
      await on.messages(email, 3);
    };
    expect(await growth(resend, "latchkey_challenges_resent_total", login)).toBe(1);
    const sent = { channel: "email", provider: "inbox", outcome: "sent" };
    expect(await growth(() => signIn(on, "edsger@example.com"), "latchkey_delivery_tries_total", sent)).toBe(1);
  });

  it("count refusals by the budget that was spent, and refused guesses by what was wrong", async () => {
    const twice = async () => {
      await on.auth.sendOtp({ identifier, createUserIfMissing: true });
      await refused(on.auth.sendOtp({ identifier, createUserIfMissing: true }));
    };
    expect(await growth(twice, "latchkey_budget_refusals_total", { budget: "send" })).toBe(1);
    const guess = async () => {
      const { challenge } = await on.auth.sendOtp({
        identifier: { case: "email", value: "b@example.com" },
        createUserIfMissing: true,
      });
      const { challengeId, code } = await on.messageOf(challenge);
      await refused(on.auth.verifyOtp({ challengeId, code: wrongCode(code) }));
    };
    expect(await growth(guess, "latchkey_guesses_refused_total", { why: "mismatch" })).toBe(1);
  });

  it("measure hashes, the store's operations, the outbox and the event loop", async () => {
    expect(await growth(() => signIn(on, email), "latchkey_hash_duration_seconds_count")).toBe(2);
    expect(
      await growth(() => signIn(on, "b@example.com"), "latchkey_store_duration_seconds_count", {
        operation: "challenges.redeem",
      }),
    ).toBe(1);
    const samples = await scrape();
    for (const name of ["latchkey_hashes_waiting", "latchkey_calls_in_flight", "latchkey_outbox_age_seconds"]) {
      expect(samples.get(name), name).toBe(0);
    }
    expect(samples.has("nodejs_eventloop_lag_p99_seconds")).toBe(true);
  });

  it("hold no code, token, identifier or challenge id", async () => {
    const { tokens, user } = await signIn(on, email);
    const [message] = await on.messages(email);
    // Names and labels; the numbers behind them may be any.
    const text = (await (await fetchMetrics()).text()).replaceAll(/^([^#].*) \S+$/gm, "$1");
    expect(text).toMatch(/^latchkey_challenges_issued_total\{.*\}$/m);
    for (const secret of [
      email,
      "ada",
      message!.code,
      message!.challengeId,
      tokens.sessionId,
      user!.userId,
      tokens.refreshToken,
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it("are at GET /metrics of their own listener and nowhere else", async () => {
    expect((await fetchMetrics()).headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/);
    expect((await fetchMetrics("/metrics", { method: "POST" })).status).toBe(405);
    expect((await fetchMetrics("/")).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${on.app.httpPort}/metrics`)).status).toBe(404);
  });
});

describe("the metrics of a server that one host attacks", () => {
  const attacked = ["grpc", "web"] as const;
  let on: TestApp;
  beforeEach(async () => {
    // Loopback is a network like any other here.
    on = await startTestApp({ LATCHKEY_TRUSTED_PROXIES: "192.0.2.1" });
  });
  afterEach(() => on.stop());

  async function sampled(sample: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
    return Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${sample} `))
        ?.slice(sample.length),
    );
  }

  const atLeast = async (sample: string, count: number): Promise<void> =>
    void (await eventually(`${count} of ${sample}`, async () => ((await sampled(sample)) >= count ? true : undefined)));

  it.each(attacked)("count the idle connections that make room on the %s door, beyond 500 of one network", async (door) => {
    const port = door === "grpc" ? on.app.grpcPort : on.app.httpPort;
    const sample = `latchkey_connections_dropped_total{door="${door}",why="idle"}`;
    expect(await sampled(sample)).toBe(0);
    const sockets = Array.from({ length: 510 }, () => connectTcp(port, "127.0.0.1").on("error", () => {}));
    await atLeast(sample, 10);
    for (const socket of sockets) socket.destroy();
    expect(await sampled(`latchkey_connections_dropped_total{door="${door}",why="network_full"}`)).toBe(0);
  });

  it("count the unfinished requests that are reset, beyond 32 MiB in all", async () => {
    const sample = `latchkey_requests_reset_total{door="grpc"}`;
    expect(await sampled(sample)).toBe(0);
    const sessions = Array.from({ length: 9 }, () => connectHttp2(`http://127.0.0.1:${on.app.grpcPort}`));
    for (const session of sessions) {
      session.on("error", () => {});
      for (let n = 0; n < 100; n += 1) {
        const headers = { "content-type": "application/grpc", te: "trailers" };
        const stream = session.request({ ":method": "POST", ":path": "/latchkey.v1.AuthService/SendOtp", ...headers });
        stream.on("error", () => {});
        // The head of a message of 32 kB, without its last byte.
        stream.write(Buffer.concat([Buffer.of(0, 0, 0, 0x7d, 0x00), Buffer.alloc(31_999)]));
      }
    }
    await atLeast(sample, 200);
    for (const session of sessions) session.destroy();
  });
});
