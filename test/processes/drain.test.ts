import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { createGrpcClient } from "../../src/client/grpc.js";
import { get, watchHealth } from "../serve/probes.js";
import { reasonOf } from "../serve/sign-in.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  endServers,
  grpcCredentials,
  productionEnv,
  type Server,
  startServer,
  until,
} from "../support/server.js";

afterEach(endServers);

const readyz = async (server: Server) => (await get(`${server.httpUrl}/readyz`, { connection: "close" })).status;

/** What health says to a caller that connects now. */
async function isServing(server: Server): Promise<boolean> {
  let health: { close(): void } | undefined;
  const serving = await new Promise<boolean>((resolve) => {
    health = watchHealth(server, resolve);
  });
  health!.close();
  return serving;
}

/** Calls over connections that are made for them, one on each door. */
async function expectCallsAccepted(server: Server): Promise<void> {
  const client = createGrpcClient(server.grpcAddress, grpcCredentials(undefined), {
    channel: { "grpc.use_local_subchannel_pool": 1, "grpc.enable_retries": 0 },
  });
  expect(await reasonOf(client.revokeToken({ token: "unknown" }, { timeoutMs: 5_000 }))).toBeNull();
  client.close();
  expect((await get(`${server.httpUrl}/.well-known/jwks.json`, { connection: "close" })).status).toBe(200);
}

const databases = testDatabases();
const longDelay: Env = { LATCHKEY_DRAIN_DELAY: "5m" };

describe.each<[string, () => Promise<Env>]>([
  ["one process", async () => ({})],
  ["two workers", async () => ({ LATCHKEY_WORKERS: "2", LATCHKEY_DATABASE_URL: urlOf(await databases.create()) })],
])("a signal to stop, with %s,", (_, more) => {
  it.each([
    ["SIGTERM", "SIGTERM"],
    ["SIGINT", "SIGTERM"],
    ["SIGTERM", "SIGINT"],
  ] as const)("%s: not ready on both doors, and calls are accepted until %s ends the delay", async (first, second) => {
    const server = await startServer({ ...productionEnv(), ...longDelay, ...(await more()) });
    expect([await readyz(server), await isServing(server)]).toEqual([200, true]);
    process.kill(server.pid, first);
    await until("readiness to fail", async () => ((await readyz(server)) === 503 ? true : undefined));
    for (let connection = 0; connection < 4; connection += 1) {
      expect([await readyz(server), await isServing(server)]).toEqual([503, false]);
      await expectCallsAccepted(server);
    }
    process.kill(server.pid, second);
    const exit = await server.exited;
    expect([exit.code, exit.signal, exit.stderr]).toEqual([0, null, []]);
    expect(exit.stdout.at(-1)).toContain('"stopped"');
    await expect(readyz(server)).rejects.toThrow("ECONNREFUSED");
  });

  it("ends it without a second one when the delay is over", async () => {
    const server = await startServer({ ...productionEnv(), ...(await more()), LATCHKEY_DRAIN_DELAY: "20ms" });
    process.kill(server.pid, "SIGTERM");
    expect((await server.exited).code).toBe(0);
  });
});

it("a signal to the primary and all workers at once counts once: calls are accepted until the next one", async () => {
  const env = { ...productionEnv(), ...longDelay, LATCHKEY_WORKERS: "2" };
  const server = await startServer({ ...env, LATCHKEY_DATABASE_URL: urlOf(await databases.create()) });
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").trim().split(" ").map(Number);
  for (const pid of [...children, server.pid]) process.kill(pid, "SIGTERM");
  await until("readiness to fail", async () => ((await readyz(server)) === 503 ? true : undefined));
  for (let connection = 0; connection < 4; connection += 1) await expectCallsAccepted(server);
  process.kill(server.pid, "SIGTERM");
  expect((await server.exited).code).toBe(0);
});

it("in development there is no delay: one signal ends the server", async () => {
  const server = await startServer(developmentEnv());
  process.kill(server.pid, "SIGTERM");
  expect((await server.exited).code).toBe(0);
});
