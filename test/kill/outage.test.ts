import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import { bearer, signIn } from "../serve/sign-in.js";
import { type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";

const outageMs = Number(process.env.LATCHKEY_OUTAGE_SECONDS ?? 30) * 1_000;
const callers = 16;

interface Call {
  readonly begunAt: number;
  readonly tookMs: number;
  /** gRPC code; 0: it succeeded. */
  readonly code: number;
  readonly reason: string;
  readonly retryAfterMs: number | undefined;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe(`PostgreSQL stopped for ${outageMs / 1_000} s under load`, () => {
  let postgres: RestartableServer;
  let server: Server;
  let running = true;
  let stoppedAt = 0;
  let startedAt = 0;
  const calls: Call[] = [];
  /** The newest refresh token of every session that was acknowledged. */
  const sessions = new Map<string, string>();

  async function call<T>(act: () => Promise<T>): Promise<T | null> {
    const begunAt = performance.now();
    try {
      const result = await act();
      calls.push({ begunAt, tookMs: performance.now() - begunAt, code: 0, reason: "", retryAfterMs: undefined });
      return result;
    } catch (error) {
      const details = errorDetails(error);
      const reason = details.reason ?? String(error);
      const retryAfterMs = details.retryAfterMs ?? undefined;
      const code = (error as { code?: number }).code ?? -1;
      calls.push({ begunAt, tookMs: performance.now() - begunAt, code, reason, retryAfterMs });
      return null;
    }
  }

  /** Signs in, and then renews and asks who it is, again and again; a renewal whose reply was lost is repeated with its key. */
  async function caller(name: string): Promise<void> {
    const first = await signIn(server, `${name}@example.com`);
    sessions.set(name, first.refreshToken);
    let { accessToken } = first;
    for (let turn = 0; running; turn += 1) {
      const idempotencyKey = `${name}-renewal-${String(turn).padStart(8, "0")}`;
      for (let renewed = null; renewed === null && running; ) {
        renewed = await call(() => server.grpc.refreshToken({ refreshToken: sessions.get(name)!, idempotencyKey }));
        if (renewed !== null) {
          sessions.set(name, renewed.tokens!.refreshToken);
          accessToken = renewed.tokens!.accessToken;
        }
        await sleep(20);
      }
      await call(() => server.grpc.getCurrentUser({}, bearer(accessToken)));
      await sleep(20);
    }
  }

  beforeAll(async () => {
    postgres = await startRestartableServer();
    server = await startServer({ ...developmentEnv(), LATCHKEY_DATABASE_URL: postgres.url });
    const load = Promise.all(Array.from({ length: callers }, (_, n) => caller(`caller${n}`)));
    await until("sixteen sessions", () => (sessions.size === callers ? true : undefined), 20_000);
    await sleep(3_000);
    stoppedAt = performance.now();
    await postgres.stop();
    await sleep(outageMs);
    await postgres.start();
    startedAt = performance.now();
    await sleep(8_000);
    running = false;
    await load;
  }, outageMs + 120_000);

  afterAll(async () => {
    await endServers();
    await postgres.stop();
  });

  const during = () => calls.filter(({ begunAt }) => begunAt > stoppedAt + 1_000 && begunAt < startedAt - 1_000);

  it("every call of the outage is refused as UNAVAILABLE with the time to wait, soon", () => {
    expect(during().length).toBeGreaterThan(100);
    for (const { code, reason, retryAfterMs } of during()) {
      expect([code, reason]).toEqual([14, "UNAVAILABLE"]);
      expect(retryAfterMs).toBeGreaterThan(0);
    }
    const times = during()
      .map(({ tookMs }) => tookMs)
      .sort((a, b) => a - b);
    console.log(
      `refusals: ${times.length}, p99 ${times[Math.floor(times.length * 0.99)]?.toFixed(1)} ms, longest ${times.at(-1)?.toFixed(1)} ms`,
    );
  });

  it("no call ever gets another answer than the right one or UNAVAILABLE", () => {
    expect(new Set(calls.filter(({ code }) => code !== 0).map(({ reason }) => reason))).toEqual(new Set(["UNAVAILABLE"]));
  });

  it("full service is back within 5 s", () => {
    const refusals = calls.filter(({ code, begunAt }) => code !== 0 && begunAt > startedAt);
    const last = Math.max(startedAt, ...refusals.map(({ begunAt }) => begunAt));
    console.log(`the last refusal was ${(last - startedAt).toFixed(0)} ms after the server was back`);
    expect(last - startedAt).toBeLessThan(5_000);
    expect(calls.filter(({ begunAt }) => begunAt > startedAt + 5_000).length).toBeGreaterThan(100);
  });

  it("no acknowledged session is lost", async () => {
    for (const [name, refreshToken] of sessions) {
      const { tokens } = await server.grpc.refreshToken({ refreshToken });
      expect(tokens?.refreshToken, name).toBeDefined();
    }
  });

  it("health said so: not ready during the outage, told once in the log, and ready again", async () => {
    const lines = server.stdout.filter((line) => /not ready: |ready: the database can/.test(line));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("not ready: ");
    expect(lines[1]).toContain("can be used again");
    expect((await fetch(`${server.httpUrl}/readyz`)).status).toBe(200);
  });
});
