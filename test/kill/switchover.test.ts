import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import { locationOf, portOf, query } from "../support/postgres.js";
import { type Pair, startPair } from "../support/postgres-pair.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.js";
import { startMailbox } from "./mail.js";

/** How the primary ends: stopped in order, it is back as a standby before the name moves; killed, it is back after that. */
const stopped = "stopped";
const killed = "killed";

/** A server under load, and how it reaches the database. */
interface Loaded {
  readonly by: "name" | "hosts";
  readonly server: Server;
  readonly calls: Call[];
}

interface Call {
  readonly endedAt: number;
  /** Null: it succeeded. */
  readonly reason: string | null;
}

/** A redemption that was acknowledged, and the newest token of its session. */
interface Redeemed {
  readonly challengeId: string;
  readonly userId: string;
  readonly sessionId: string;
  refreshToken: string;
  rotations: number;
}

const callersEach = 4;
const backWithinMs = 5_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a switchover of PostgreSQL to its synchronous standby, under load on three servers", () => {
  let pair: Pair;
  let name: TcpProxy;
  let mail: Awaited<ReturnType<typeof startMailbox>>;
  let all: Loaded[];
  let load: Promise<unknown>;
  let running = true;
  const codes = new Map<string, string>();
  const redeemed: Redeemed[] = [];
  /** Challenges whose code was refused. */
  const refused: string[] = [];

  beforeAll(async () => {
    pair = await startPair();
    await pair.synchronise();
    name = await startTcpProxy(portOf(pair.primary().url));
    mail = await startMailbox((to, code) => codes.set(to, code));
    const env = {
      ...developmentEnv(),
      LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mail.port}?from=codes@example.com&starttls=never`,
      LATCHKEY_DATABASE_POOL: "5",
    };
    const { user, password, database } = locationOf(pair.primary().url);
    const urls = {
      name: `127.0.0.1:${name.port}`,
      hosts: [pair.primary(), pair.standby()].map(({ url }) => `127.0.0.1:${portOf(url)}`).join(","),
    };
    all = [];
    for (const by of ["name", "hosts", "name"] as const) {
      const url = `postgres://${user}:${password}@${urls[by]}/${database}`;
      all.push({ by, server: await startServer({ ...env, LATCHKEY_DATABASE_URL: url }), calls: [] });
    }
    load = Promise.all(
      all.flatMap((one, n) =>
        Array.from({ length: callersEach }, (_, caller) => signInAgainAndAgain(one, `server${n}-${caller}`)),
      ),
    );
    await until("load on every server", () => all.every(({ calls }) => calls.length > 20) || undefined, 30_000);
  }, 120_000);

  afterAll(async () => {
    running = false;
    await load;
    await endServers();
    await name.stop();
    await mail.stop();
    await pair.stop();
  });

  /** Makes a call, again with the same idempotency key while the database is away. Null: it was refused otherwise, or load ends. */
  async function answered<T>({ calls }: Loaded, act: () => Promise<T>): Promise<T | null> {
    while (running) {
      try {
        const answer = await act();
        calls.push({ endedAt: performance.now(), reason: null });
        return answer;
      } catch (error) {
        const reason = errorDetails(error).reason ?? String(error);
        calls.push({ endedAt: performance.now(), reason });
        if (reason !== "UNAVAILABLE") return null;
        await sleep(50);
      }
    }
    return null;
  }

  /** One new user after the other: a code, its redemption, and two renewals. */
  async function signInAgainAndAgain(on: Loaded, caller: string): Promise<void> {
    const { grpc } = on.server;
    for (let n = 0; running; n += 1) {
      const email = `${caller}-${n}@example.com`;
      const keyOf = (what: string) => ({ idempotencyKey: `${caller}-${n}-${what}-of-switchover` });
      const identifier = { case: "email", value: email } as const;
      const sent = await answered(on, () => grpc.sendOtp({ identifier, createUserIfMissing: true, ...keyOf("send") }));
      const challengeId = sent?.challenge?.challengeId;
      if (challengeId === undefined) continue;
      // A send does not wait for the disk: a primary that is killed may forget it.
      const code = await until("a code", () => codes.get(email), 4_000).catch(() => null);
      if (code === null) continue;
      const bought = await answered(on, () => grpc.verifyOtp({ challengeId, code, ...keyOf("verify") }));
      if (bought === null) {
        if (running) refused.push(challengeId);
        continue;
      }
      const { sessionId, user, tokens } = bought;
      const one: Redeemed = { challengeId, userId: user!.userId, sessionId, refreshToken: tokens!.refreshToken, rotations: 0 };
      redeemed.push(one);
      for (const turn of ["first", "second"]) {
        const { refreshToken } = one;
        const renewed = await answered(on, () => grpc.refreshToken({ refreshToken, ...keyOf(turn) }));
        if (renewed === null) break;
        one.refreshToken = renewed.tokens!.refreshToken;
        one.rotations += 1;
      }
      await sleep(20);
    }
  }

  const isReady = async ({ server }: Loaded) => (await fetch(`${server.httpUrl}/readyz`)).status === 200;

  /** Gives the time since which a server could reach the new primary, by the way that it goes. */
  async function switchOver(end: string): Promise<Record<Loaded["by"], number>> {
    if (end === stopped) await pair.primary().stop();
    else await pair.primary().die("SIGKILL");
    await sleep(1_000);
    await pair.promote();
    const promotedAt = performance.now();
    if (end === stopped) {
      await pair.rejoin({ data: "kept" });
      // So that connections are made to the standby, by all that go by the name.
      await sleep(1_000);
    }
    name.point(portOf(pair.primary().url));
    return { hosts: promotedAt, name: performance.now() };
  }

  it.each([stopped, killed, stopped, killed, stopped])(
    "whose primary is %s: every server is ready and serves again within 5 s of the promotion, without a restart",
    async (end) => {
      const before = redeemed.length;
      const reachableAt = await switchOver(end);
      await sleep(backWithinMs);
      for (const one of all) {
        expect(await isReady(one), `ready, by ${one.by}`).toBe(true);
        const since = reachableAt[one.by];
        const later = one.calls.filter(({ endedAt }) => endedAt > since);
        const refusedAt = later.filter(({ reason }) => reason !== null).at(-1)?.endedAt ?? since;
        console.log(`by ${one.by}: last refusal ${(refusedAt - since).toFixed(0)} ms after, ${later.length} calls`);
        expect(refusedAt - since).toBeLessThan(backWithinMs);
        expect(later.filter(({ reason }) => reason === null).length).toBeGreaterThan(callersEach);
      }
      expect(redeemed.length).toBeGreaterThan(before);
      if (end === killed) await pair.rejoin({ data: "copied" });
      await pair.synchronise();
      await sleep(1_000);
    },
    60_000,
  );

  it("loses no user, redemption, session or rotation that was acknowledged, and refuses no code that the database has", async () => {
    running = false;
    await load;
    const primary = locationOf(pair.primary().url);
    const idsOf = async (sql: string, ids: readonly string[]) =>
      (await query<{ id: string }>(primary, sql, [ids])).map(({ id }) => id).sort();
    const users = redeemed.map(({ userId }) => userId).sort();
    expect(await idsOf("SELECT user_id AS id FROM users WHERE user_id = ANY ($1)", users)).toEqual(users);
    const challenges = redeemed.map(({ challengeId }) => challengeId);
    const unused = "SELECT challenge_id AS id FROM challenges WHERE consumed_at IS NULL AND challenge_id = ANY ($1)";
    expect(await idsOf(unused, challenges)).toEqual([]);
    const sessions = await query<{ session_id: string; generation: number }>(
      primary,
      "SELECT session_id, generation::int FROM sessions WHERE session_id = ANY ($1)",
      [redeemed.map(({ sessionId }) => sessionId)],
    );
    const generations = new Map(sessions.map(({ session_id, generation }) => [session_id, generation]));
    for (const { sessionId, rotations } of redeemed) {
      expect(generations.get(sessionId), sessionId).toBeGreaterThanOrEqual(rotations);
    }
    expect(await idsOf("SELECT challenge_id AS id FROM challenges WHERE challenge_id = ANY ($1)", refused)).toEqual([]);
    const reasons = new Set(all.flatMap(({ calls }) => calls.flatMap(({ reason }) => reason ?? [])));
    expect([...reasons].filter((reason) => !["UNAVAILABLE", "CODE_INVALID"].includes(reason))).toEqual([]);
    console.log(`${redeemed.length} redemptions, ${refused.length} codes whose send was forgotten`);
    for (const { refreshToken } of redeemed.slice(-30)) {
      expect((await all[0]!.server.grpc.refreshToken({ refreshToken })).tokens?.refreshToken).toBeDefined();
    }
  });
});
