import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { locationOf, portOf, query } from "../support/postgres.js";
import { type Pair, startPair } from "../support/postgres-pair.js";
import { developmentEnv, endServers, startServer, until } from "../support/server.js";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.js";
import { checkShown, checkStored } from "./check-sign-ins.js";
import { startMailbox } from "./mail.js";
import { type Loaded, type SignIns, signInAgainAndAgain } from "./sign-ins.js";

/** How the primary ends: stopped in order, it is back as a standby before the name moves; killed, it is back after that. */
const stopped = "stopped";
const killed = "killed";

const callersEach = 4;
const backWithinMs = 5_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe("a switchover of PostgreSQL to its synchronous standby, under load on three servers", () => {
  let pair: Pair;
  let name: TcpProxy;
  let mail: Awaited<ReturnType<typeof startMailbox>>;
  let all: Loaded<"name" | "hosts">[];
  let load: SignIns;
  const codes = new Map<string, string[]>();

  beforeAll(async () => {
    pair = await startPair();
    await pair.synchronise();
    name = await startTcpProxy(portOf(pair.primary().url));
    mail = await startMailbox((to, code) => codes.set(to, [...(codes.get(to) ?? []), code]));
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
    load = signInAgainAndAgain({ servers: all, callersEach, codesOf: (email) => codes.get(email) ?? [] });
    await until("load on every server", () => all.every(({ calls }) => calls.length > 20) || undefined, 30_000);
  }, 120_000);

  afterAll(async () => {
    await load?.stop();
    await endServers();
    await name.stop();
    await mail.stop();
    await pair.stop();
  });

  const isReady = async ({ server }: Loaded) => (await fetch(`${server.httpUrl}/readyz`)).status === 200;

  /** Gives the time since which a server could reach the new primary, by the way that it goes. */
  async function switchOver(end: string): Promise<Record<"name" | "hosts", number>> {
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
      const before = load.signedIn.length;
      const reachableAt = await switchOver(end);
      await sleep(backWithinMs);
      for (const one of all) {
        expect(await isReady(one), `ready, by ${one.by}`).toBe(true);
        const since = reachableAt[one.by];
        const later = one.calls.filter(({ endedAt }) => endedAt > since);
        const refusedAt = later.filter(({ reason }) => reason === "UNAVAILABLE").at(-1)?.endedAt ?? since;
        console.log(`by ${one.by}: last refusal ${(refusedAt - since).toFixed(0)} ms after, ${later.length} calls`);
        expect(refusedAt - since).toBeLessThan(backWithinMs);
        expect(later.filter(({ reason }) => reason === null).length).toBeGreaterThan(callersEach);
      }
      expect(load.signedIn.length).toBeGreaterThan(before);
      if (end === killed) await pair.rejoin({ data: "copied" });
      await pair.synchronise();
      await sleep(1_000);
    },
    60_000,
  );

  it("loses no user, redemption, session or rotation that was acknowledged, and refuses no code that the database has", async () => {
    await load.stop();
    const primary = locationOf(pair.primary().url);
    expect(await checkStored((sql, values) => query(primary, sql, values), load)).toEqual([]);
    const refusals = all.flatMap(({ calls }) => calls.filter(({ reason }) => reason !== null));
    const surprising = refusals.filter(({ reason }) => !["UNAVAILABLE", "CODE_INVALID"].includes(reason!));
    expect(surprising).toEqual([]);
    console.log(`${load.signedIn.length} redemptions, ${load.refused.length} codes whose send was forgotten`);
    expect(await checkShown(all, load.signedIn.slice(-60))).toEqual([]);
  });
});
