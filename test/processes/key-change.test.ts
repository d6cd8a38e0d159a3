import { afterAll, expect, it } from "vitest";
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
  // The order does not matter.
  announced: { LATCHKEY_MASTER_KEY: `2:${newMaster},1:${oldMaster}`, LATCHKEY_PEPPER: `1:${oldPepper},2:${newPepper}` },
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

interface Listed {
  readonly pid: number;
  readonly live: boolean;
  readonly current_master_key: string;
  readonly current_pepper: string;
}

it("a change of pepper and master key over three processes under load loses nothing, and each wrong order is refused", {
  timeout: 300_000,
}, async () => {
  const scene = await startScene(3, await databases.create());
  const { fleet, codeFor, at } = scene;
  const load = startKeyLoad(fleet, codeFor);
  const more = async () => {
    const before = load.kept.length;
    await until("more sign-ins", () => load.kept.length >= before + 3 || load.failures.length > 0 || undefined, 60_000);
  };
  const keys = (argv: readonly string[], stage: Stage = "announced") => runLatchkey(["keys", ...argv], at(stage));
  const refusal = async (...argv: string[]) => {
    const { code, stderr } = await keys(argv);
    expect(code).toBe(1);
    return stderr.join("\n");
  };
  const listed = async () =>
    JSON.parse((await runLatchkey(["fleet", "--json"], at("announced"))).stdout.join("\n")) as Listed[];
  const uses = ["pepper", "master"] as const;
  const namesIn = (text: string) => fleet.servers.filter(({ pid }) => text.includes(`process ${pid},`)).map(({ pid }) => pid);
  await more();

  // No process has the new keys, then one, then all.
  expect((await keys(["promote", "2"], "before")).stderr.join()).toContain("Key 2 is not configured here");
  for (const lacking of [3, 2, 1]) {
    for (const use of uses) {
      const text = await refusal("promote", "2", "--use", use);
      expect(text).toContain("nothing was changed");
      expect(namesIn(text)).toHaveLength(lacking);
    }
    await fleet.replace(
      fleet.servers.find(({ env }) => env.LATCHKEY_PEPPER === stages.before.LATCHKEY_PEPPER)!,
      at("announced"),
    );
    await more();
  }
  for (const use of uses) expect(await refusal("retire", "1", "--use", use)).toContain("Key 1 is the current one");
  expect(new Set((await listed()).map((one) => `${one.live} ${one.current_master_key} ${one.current_pepper}`))).toEqual(
    new Set(["true 1 1"]),
  );

  // A process that stands still has not followed yet.
  const [still] = fleet.servers;
  process.kill(still!.pid, "SIGSTOP");
  for (const use of uses) expect(await keys(["promote", "2", "--use", use])).toMatchObject({ code: 0 });
  for (const use of uses) {
    expect(namesIn(await refusal("retire", "1", "--use", use))).toContain(still!.pid);
    expect(await refusal("retire", "2", "--use", use)).toContain("Key 2 is the current one");
  }
  process.kill(still!.pid, "SIGCONT");
  await until("the new keys at all processes", async () => {
    const all = await listed();
    return all.every((one) => one.current_master_key === "2" && one.current_pepper === "2") || undefined;
  });
  await more();

  // A process without the new keys starts, and is not ready.
  const late = await startServer(at("before"));
  expect((await fetch(`${late.httpUrl}/readyz`)).status).toBe(503);
  expect(late.stderr.concat(late.stdout).join("\n")).toContain(
    "LATCHKEY_MASTER_KEY id 2 is the current key and is not configured here",
  );
  expect((await late.stop()).code).toBe(0);

  await more();
  await load.stop();
  expect(load.failures).toEqual([]);
  expect(await missing(fleet)).toBe(0);
  const keyOf = (token: string) => token.split(".")[1];
  expect(new Set(load.kept.map(({ refreshToken }) => keyOf(refreshToken)))).toEqual(new Set(["1", "2"]));
  const newest = await refreshEverywhere(fleet, load);

  expect(await keys(["retire", "1", "--use", "pepper"])).toMatchObject({ code: 0 });
  expect(await refusal("retire", "1", "--use", "master")).toMatch(/\d+ live sessions hold tokens made with master key 1/);
  await expect(startServer(at("after"))).rejects.toThrow("LATCHKEY_MASTER_KEY id 1, which is not configured");
  expect(await keys(["retire", "1", "--use", "master", "--revoke-sessions"])).toMatchObject({ code: 0 });
  for (const server of [...fleet.servers]) await fleet.replace(server, at("after"));
  for (const refreshToken of newest) {
    const refresh = fleet.servers[0]!.auth.refreshToken({ refreshToken });
    if (keyOf(refreshToken) === "1") expect((await refused(refresh)).reason).toBe("SESSION_ENDED");
    else expect((await refresh).tokens).toBeDefined();
  }
  await scene.stop();
});
