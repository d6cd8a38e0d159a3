import { afterAll, describe, expect, it } from "vitest";
import { createLatchkeyClient, memoryTokenStore, type SessionChange } from "../../src/client/index.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { startMailbox } from "../kill/mail.js";
import { refused } from "../support/calls.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import { type Env, endServers, newKey, productionEnv, runLatchkey, startServer, until } from "../support/server.js";
import { readMetric } from "./fleet.js";
import { type Balanced, balance, type KeyLoad, startKeyLoad } from "./key-load.js";

const databases = testDatabases();

afterAll(endServers);

const [oldMaster, newMaster, oldPepper, newPepper] = [newKey(), newKey(), newKey(), newKey()];
const stages = {
  before: { LATCHKEY_MASTER_KEY: `1:${oldMaster}`, LATCHKEY_PEPPER: `1:${oldPepper}` },
  announced: { LATCHKEY_MASTER_KEY: `1:${oldMaster},2:${newMaster}`, LATCHKEY_PEPPER: `1:${oldPepper},2:${newPepper}` },
  changed: { LATCHKEY_MASTER_KEY: `2:${newMaster},1:${oldMaster}`, LATCHKEY_PEPPER: `2:${newPepper},1:${oldPepper}` },
  after: { LATCHKEY_MASTER_KEY: `2:${newMaster}`, LATCHKEY_PEPPER: `2:${newPepper}` },
} satisfies Record<string, Env>;
type Stage = keyof typeof stages;

interface Scene {
  readonly fleet: Balanced;
  readonly codeFor: (email: string) => string | undefined;
  at(stage: Stage): Env;
  stop(): Promise<void>;
}

/** Processes in production, where messages wait up to a second for whichever process claims them. */
async function startScene(count: number, location: PostgresLocation): Promise<Scene> {
  const codes = new Map<string, string>();
  const mail = await startMailbox((to, code) => codes.set(to, code));
  const common = { ...productionEnv(mail.port), LATCHKEY_DATABASE_URL: urlOf(location), LATCHKEY_DATABASE_POOL: "5" };
  const at = (stage: Stage) => ({ ...common, ...stages[stage] });
  const fleet = balance(await Promise.all(Array.from({ length: count }, () => startServer(at("before")))));
  return {
    fleet,
    codeFor: (email) => codes.get(email),
    at,
    async stop() {
      await Promise.all(fleet.servers.map((server) => server.stop()));
      await mail.stop();
    },
  };
}

/** Refreshes every session that was ever given at each process in turn; returns their newest tokens. */
async function refreshEverywhere(fleet: Balanced, { kept }: KeyLoad): Promise<readonly string[]> {
  const newest: string[] = [];
  for (const { refreshToken, sessionId } of kept) {
    let token = refreshToken;
    for (const { auth } of fleet.servers) {
      const { tokens } = await auth.refreshToken({ refreshToken: token });
      expect(tokens!.sessionId).toBe(sessionId);
      token = tokens!.refreshToken;
    }
    newest.push(token);
  }
  return newest;
}

const missing = async (fleet: Balanced) =>
  (await Promise.all(fleet.servers.map(({ metricsUrl }) => readMetric(metricsUrl, "latchkey_key_missing_total")))).reduce(
    (sum, count) => sum + count,
    0,
  );

describe("a change of pepper and master key over a fleet under load", () => {
  it("loses nothing when the new keys are first announced everywhere and then put in front, process by process", {
    timeout: 300_000,
  }, async () => {
    const scene = await startScene(3, await databases.create());
    const { fleet, codeFor, at } = scene;
    const load = startKeyLoad(fleet, codeFor, { people: 4, mayLackKeys: false });
    const more = async () => {
      const before = load.kept.length;
      await until("more sign-ins", () => load.kept.length >= before + 3 || load.failures.length > 0 || undefined, 60_000);
    };
    await more();
    let missed = 0;
    for (const stage of ["announced", "changed"] as const) {
      for (const server of [...fleet.servers]) {
        missed += await missing(fleet);
        await fleet.replace(server, at(stage));
        await more();
      }
    }
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(missed + (await missing(fleet))).toBe(0);
    const keyOf = (token: string) => token.split(".")[1];
    expect(new Set(load.kept.map(({ refreshToken }) => keyOf(refreshToken)))).toEqual(new Set(["1", "2"]));
    const newest = await refreshEverywhere(fleet, load);

    const retire = (...argv: string[]) => runLatchkey(["keys", "retire", "1", ...argv], at("changed"));
    expect(await retire("--use", "pepper")).toMatchObject({ code: 0 });
    expect((await retire("--use", "master")).stderr.join("\n")).toMatch(/\d+ live sessions hold tokens made with master key 1/);
    await expect(startServer(at("after"))).rejects.toThrow("LATCHKEY_MASTER_KEY id 1, which is not configured");
    expect(await retire("--use", "master", "--revoke-sessions")).toMatchObject({ code: 0 });
    for (const server of [...fleet.servers]) await fleet.replace(server, at("after"));
    for (const refreshToken of newest) {
      const refresh = fleet.servers[0]!.auth.refreshToken({ refreshToken });
      if (keyOf(refreshToken) === "1") expect((await refused(refresh)).reason).toBe("SESSION_ENDED");
      else expect((await refresh).tokens).toBeDefined();
    }
    await scene.stop();
  });

  it("loses nothing when half of the processes get the new keys in front at once: codes are late, and calls find a process with the key", {
    timeout: 300_000,
  }, async () => {
    const scene = await startScene(4, await databases.create());
    const { fleet, codeFor, at } = scene;
    const load = startKeyLoad(fleet, codeFor, { people: 4, mayLackKeys: true });
    const more = async (count: number) => {
      const before = load.kept.length;
      await until("more sign-ins", () => load.kept.length >= before + count || load.failures.length > 0 || undefined, 90_000);
    };
    await more(2);
    const [first, second, third] = [...fleet.servers];
    await fleet.replace(first!, at("changed"));
    await fleet.replace(second!, at("changed"));
    // A process with only the old keys starts beside them.
    await fleet.replace(third!, at("before"));

    const changes: SessionChange[] = [];
    const client = createLatchkeyClient({
      baseUrl: "http://latchkey.test",
      tokenStore: memoryTokenStore(),
      fetch: (input, init) => fleet.call(({ httpUrl }) => fetch(String(input).replace("http://latchkey.test", httpUrl), init)),
    });
    client.onChange((change) => changes.push(change));
    const able = fleet.servers.find(({ env }) => env.LATCHKEY_PEPPER === stages.changed.LATCHKEY_PEPPER)!;
    const email = "client@example.com";
    const { challenge } = await able.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const code = await until("the code", () => codeFor(email), 60_000);
    const guess = { challengeId: challenge!.challengeId, code, idempotencyKey: "a-guess-that-is-repeated" };
    await until("the sign-in", () => client.auth.verifyOtp(guess).catch(() => undefined), 60_000);
    for (let renewals = 0; renewals < 8; ) {
      const stale = await client.getAccessToken();
      const token = await client.getAccessToken({ refused: stale! }).catch(() => null);
      if (token !== null) renewals += 1;
    }
    expect(changes.filter(({ kind }) => kind === "signed-out")).toEqual([]);
    expect(changes.filter(({ kind }) => kind === "renewed")).toHaveLength(8);
    client.close();

    await more(20);
    expect(load.failures).toEqual([]);
    expect(load.unavailable).toBeGreaterThan(0);
    expect(await missing(fleet)).toBeGreaterThan(0);
    for (const server of fleet.servers.filter(({ env }) => env.LATCHKEY_PEPPER === stages.before.LATCHKEY_PEPPER)) {
      await fleet.replace(server, at("changed"));
    }
    const refusedBefore = load.unavailable;
    await more(4);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.unavailable).toBe(refusedBefore);
    await refreshEverywhere(fleet, load);
    await scene.stop();
  });
});
