import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkShown, checkStored } from "../kill/check-sign-ins.js";
import { startMailbox } from "../kill/mail.js";
import { type Loaded, type SignedIn, type SignIns, signInAgainAndAgain } from "../kill/sign-ins.js";
import { processesIn } from "../support/process-tree.js";
import { developmentEnv, endServers, until } from "../support/server.js";
import { type Cluster, startCluster, startLatchkey, type Way } from "./cluster.js";
import type { Machine } from "./machine.js";
import { type Stragglers, startStragglers } from "./stragglers.js";

const lossesMax = Number(process.env.LATCHKEY_CLUSTER_LOSSES ?? 20);
const kinds = ["killed", "frozen", "switched over"] as const;
const losses = Array.from({ length: lossesMax }, (_, n) => ({ n: n + 1, kind: kinds[n % kinds.length]! }));

const callersEach = 4;
const backWithinMs = 5_000;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe(`a cluster that loses its leader ${lossesMax} times, under load on three servers`, () => {
  let cluster: Cluster;
  let mail: Awaited<ReturnType<typeof startMailbox>>;
  let load: SignIns;
  let audited = 0;
  const all: Loaded<Way>[] = [];
  const codes = new Map<string, string[]>();

  beforeAll(async () => {
    cluster = await startCluster();
    mail = await startMailbox((to, code) => codes.set(to, [...(codes.get(to) ?? []), code]));
    const env = {
      ...developmentEnv(),
      LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mail.port}?from=codes@example.com&starttls=never`,
      LATCHKEY_DATABASE_POOL: "5",
    };
    for (const by of ["hosts", "haproxy", "hosts"] as const) {
      const server = await startLatchkey(cluster, { ...env, LATCHKEY_DATABASE_URL: cluster.url(by) });
      all.push({ by, server, calls: [] });
    }
    load = signInAgainAndAgain({ servers: all, callersEach, codesOf: (email) => codes.get(email) ?? [] });
    await until("load on every server", () => all.every(({ calls }) => calls.length > 20) || undefined, 30_000);
  });

  afterAll(async () => {
    await load?.stop();
    await endServers();
    await mail?.stop();
    await cluster?.stop();
  });

  /** Gives when the new leader took writes. */
  async function lose(leader: Machine, kind: (typeof kinds)[number]): Promise<number> {
    const others = cluster.machines.filter((machine) => machine !== leader);
    const candidate = await cluster.synchronousStandby();
    const promoted = cluster.promoted(others).then(() => performance.now());
    if (kind === "killed") await leader.kill();
    else if (kind === "frozen") await leader.freeze();
    else await leader.patronictl("switchover", "latchkey", "--leader", leader.name, "--candidate", candidate.name, "--force");
    return await promoted;
  }

  /** Those that signed in since the last look. */
  function signedInSince(): readonly SignedIn[] {
    const since = load.signedIn.slice(audited);
    audited = load.signedIn.length;
    return since;
  }

  async function expectService(promotedAt: number): Promise<void> {
    for (const { by, server, calls } of all) {
      expect((await fetch(`${server.httpUrl}/readyz`)).status, `ready, by ${by}`).toBe(200);
      const later = calls.filter(({ endedAt }) => endedAt > promotedAt);
      const refusedAt = later.filter(({ reason }) => reason === "UNAVAILABLE").at(-1)?.endedAt ?? promotedAt;
      const served = later.filter(({ endedAt, reason }) => reason === null && endedAt > refusedAt);
      const firstMs = (later.find(({ reason }) => reason === null)?.endedAt ?? Number.POSITIVE_INFINITY) - promotedAt;
      console.log(
        `  by ${by}: first success ${firstMs.toFixed(0)} ms and last refusal ${(refusedAt - promotedAt).toFixed(0)} ms after the promotion`,
      );
      expect(firstMs).toBeLessThan(backWithinMs);
      expect(refusedAt - promotedAt).toBeLessThan(backWithinMs);
      expect(served.length).toBeGreaterThan(callersEach);
    }
  }

  it.each(losses)(
    "$n: the leader is $kind: service is back within 5 s, and nothing acknowledged is lost",
    async ({ n, kind }) => {
      const leader = await cluster.whole();
      const stragglers: Stragglers | null = kind === "frozen" ? await startStragglers(cluster, leader) : null;
      const before = load.signedIn.length;
      const lostAt = performance.now();
      const promotedAt = await lose(leader, kind);
      console.log(`${n}: ${leader.name} is ${kind}; a new leader after ${((promotedAt - lostAt) / 1_000).toFixed(1)} s`);
      await sleep(backWithinMs);
      await expectService(promotedAt);
      expect(load.signedIn.length).toBeGreaterThan(before);
      if (kind === "killed") leader.start();
      leader.thaw();
      expect(await checkShown(all, signedInSince())).toEqual([]);
      await cluster.whole();
      expect(await stragglers?.lost()).toEqual(stragglers === null ? undefined : []);
      expect(await checkStored((sql, values) => cluster.query(sql, values, undefined, "latchkey"), load)).toEqual([]);
    },
  );

  it("no call had another answer than the right one or UNAVAILABLE", async () => {
    await load.stop();
    const refusals = all.flatMap(({ calls }) => calls.filter(({ reason }) => reason !== null));
    const surprising = refusals.filter(({ reason }) => !["UNAVAILABLE", "CODE_INVALID"].includes(reason!));
    expect(surprising).toEqual([]);
    const revoked = load.signedIn.filter(({ state }) => state === "revoked").length;
    const rotations = load.signedIn.reduce((sum, one) => sum + one.rotations, 0);
    console.log(
      `${load.signedIn.length} redemptions, ${rotations} rotations, ${revoked} revocations, ${load.refused.length} codes whose send was forgotten`,
    );
  });

  it("leaves no process behind", async () => {
    for (const { server } of all) expect((await server.stop()).code).toBe(0);
    expect(await cluster.stop()).toEqual([]);
    expect(processesIn(cluster.folder)).toEqual([]);
  });
});
