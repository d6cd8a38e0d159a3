import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGrpcClient, type GrpcClient } from "../../src/client/grpc.js";
import { startMailbox } from "../kill/mail.js";
import { bearer, reasonOf } from "../serve/sign-in.js";
import { testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  endServers,
  grpcCredentials,
  productionEnv,
  runLatchkey,
  type Server,
  startServer,
  until,
} from "../support/server.js";

interface Answer {
  readonly at: number;
  /** gRPC code; 0: it succeeded. */
  readonly code: number;
}

async function answerOf(call: Promise<unknown>): Promise<Answer> {
  const code = await call.then(
    () => 0,
    (error: { readonly code?: number }) => error.code ?? -1,
  );
  return { at: performance.now(), code };
}

describe("a server with three workers", () => {
  const databases = testDatabases();
  const codes = new Map<string, string>();
  let mail: Awaited<ReturnType<typeof startMailbox>>;
  let env: Env;
  let server: Server;
  /** Each over a connection of its own, which one of the workers has. */
  let clients: GrpcClient[];

  beforeAll(async () => {
    mail = await startMailbox((to, code) => codes.set(to, code));
    env = {
      ...productionEnv(mail.port),
      LATCHKEY_WORKERS: "3",
      LATCHKEY_DATABASE_URL: urlOf(await databases.create()),
      // A worker that gets this signal hangs.
      NODE_OPTIONS: "--import=data:text/javascript,process.on('SIGUSR2',()=>{for(;;);})",
    };
    server = await startServer(env);
    clients = Array.from({ length: 9 }, () =>
      createGrpcClient(server.grpcAddress, grpcCredentials(undefined), { channel: { "grpc.use_local_subchannel_pool": 1 } }),
    );
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    await endServers();
    await mail.stop();
  });

  const metricsPort = () => /"metrics":(\d+)/.exec(server.stdout.find((line) => line.includes('"serving"'))!)![1];
  const metrics = async () => await (await fetch(`http://127.0.0.1:${metricsPort()}/metrics`)).text();

  async function workerPids(): Promise<number[]> {
    const { readFileSync } = await import("node:fs");
    const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(" ").map(Number);
  }

  async function signIn(client: GrpcClient, email: string) {
    const { challenge } = await client.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const code = await until("the code", () => codes.get(email));
    return { challengeId: challenge!.challengeId, code };
  }

  it("says once that it serves, with its ports, its database and how many workers it has", () => {
    const lines = server.stdout.filter((line) => line.includes('"serving"'));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      workers: 3,
      issuer: "https://auth.example.com",
      database: expect.stringMatching(/^latchkey_test_\w+ on 127\.0\.0\.1:\d+$/),
    });
  });

  it("is one service: a code sent by one worker is worth one session, whichever workers are asked", async () => {
    const guess = await signIn(clients[0]!, "race@example.com");
    const reasons = await Promise.all(clients.flatMap((client) => [1, 2].map(() => reasonOf(client.verifyOtp(guess)))));
    expect(reasons.filter((reason) => reason === null)).toHaveLength(1);
  });

  it("ends a session in all workers at once", async () => {
    const { tokens } = await clients[1]!.verifyOtp(await signIn(clients[0]!, "revoke@example.com"));
    const ask = () => Promise.all(clients.map((client) => reasonOf(client.getCurrentUser({}, bearer(tokens!.accessToken)))));
    expect(new Set(await ask())).toEqual(new Set([null]));
    await clients[2]!.revokeToken({ token: tokens!.refreshToken });
    expect(new Set(await ask())).toEqual(new Set(["TOKEN_INVALID"]));
  });

  it("serves the sum of its workers' metrics", async () => {
    const count = async () =>
      Number(
        /^latchkey_call_duration_seconds_count\{.*GetCurrentUser.*UNAUTHENTICATED.*\} (\d+)$/m.exec(await metrics())?.[1] ?? 0,
      );
    const before = await count();
    await Promise.all(clients.map((client) => reasonOf(client.getCurrentUser({}, bearer("no.good.token")))));
    expect(await count()).toBe(before + clients.length);
    expect(await metrics()).toMatch(/^latchkey_outbox_age_seconds 0$/m);
  });

  it("puts another worker in the place of one that is killed, and goes on serving meanwhile", async () => {
    const [victim, ...others] = await workerPids();
    expect(others).toHaveLength(2);
    const { tokens } = await clients[0]!.verifyOtp(await signIn(clients[0]!, "meanwhile@example.com"));
    const calls = clients.map(() => [] as Answer[]);
    let running = true;
    const calling = clients.map(async (client, n) => {
      while (running) {
        calls[n]!.push(await answerOf(client.getCurrentUser({}, bearer(tokens!.accessToken))));
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    });
    await until("calls of all", () => calls.every((own) => own.length > 0) || undefined);
    const killedAt = performance.now();
    process.kill(victim!, "SIGKILL");
    const successor = await until("a successor", async () => {
      const pids = (await workerPids()).filter((pid) => pid !== victim && !others.includes(pid));
      return pids[0];
    });
    expect(successor).toBeGreaterThan(0);
    await until("the successor's start", () => server.stdout.find((line) => line.includes("successor serves")), 20_000);
    const servesAt = performance.now();
    const ready = await Promise.all(Array.from({ length: 6 }, () => fetch(`${server.httpUrl}/readyz`)));
    expect(ready.every(({ status }) => status === 200)).toBe(true);
    expect(server.stdout.some((line) => line.includes("a worker ended unexpectedly"))).toBe(true);
    await until("an answer to all again", () => calls.every((own) => own.at(-1)!.code === 0) || undefined);
    running = false;
    await Promise.all(calling);

    const failed = calls.map((own) => own.filter(({ code }) => code !== 0));
    // Only who had a connection to the victim can have noticed, and was told that trying again helps.
    expect(failed.filter((own) => own.length === 0).length).toBeGreaterThan(2);
    expect(failed.flat().filter(({ code }) => code !== status.UNAVAILABLE)).toEqual([]);
    const meanwhile = calls.filter((own) => own.some(({ at, code }) => code === 0 && at > killedAt && at < servesAt));
    expect(meanwhile.length).toBeGreaterThan(2);
  });

  it("never counts less than before while a worker is killed and replaced, and always answers", async () => {
    const counted = async () => {
      const response = await fetch(server.metricsUrl);
      expect(response.status).toBe(200);
      const samples = [...(await response.text()).matchAll(/^(latchkey_\w+_(?:total|count|sum|bucket)\S*) (\S+)$/gm)];
      return new Map(samples.map(([, name, value]) => [name!, Number(value)]));
    };
    await Promise.all(clients.map((client) => reasonOf(client.getCurrentUser({}, bearer("no.good.token")))));
    let before = await counted();
    expect(before.size).toBeGreaterThan(0);
    const starts = () => server.stdout.filter((line) => line.includes("successor serves")).length;
    const startsBefore = starts();
    process.kill((await workerPids())[0]!, "SIGKILL");
    await until(
      "the successor's start",
      async () => {
        const now = await counted();
        for (const [name, value] of before) expect(now.get(name), name).toBeGreaterThanOrEqual(value - 1e-9);
        before = now;
        return starts() > startsBefore ? true : undefined;
      },
      20_000,
    );
  });

  it("puts another worker in the place of one that hangs", async () => {
    const starts = () => server.stdout.filter((line) => line.includes("successor serves")).length;
    const startsBefore = starts();
    const [victim] = await workerPids();
    process.kill(victim!, "SIGUSR2");
    await until("the successor's start", () => (starts() > startsBefore ? true : undefined), 40_000);
    expect(server.stdout.some((line) => line.includes("a worker has not answered for 10 s and is killed"))).toBe(true);
    const pids = await workerPids();
    expect([pids.length, pids.includes(victim!)]).toEqual([3, false]);
  });

  it("ends with its workers when it is told to, and kills one that hangs", async () => {
    const pids = await workerPids();
    process.kill(pids[0]!, "SIGUSR2");
    expect((await server.stop()).code).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });
});

describe("workers are refused", () => {
  afterAll(endServers);

  it("on SQLite and in development, with what to do instead", async () => {
    const sqlite = await runLatchkey(["serve", "--workers", "2"], productionEnv());
    expect([sqlite.code, sqlite.stderr]).toEqual([
      1,
      ["LATCHKEY_WORKERS must be 1 with SQLite: remove it, or set LATCHKEY_DATABASE_URL to a PostgreSQL database."],
    ]);
    const development = await runLatchkey(["serve"], { ...developmentEnv(), LATCHKEY_WORKERS: "2" });
    expect([development.code, development.stderr]).toEqual([
      1,
      ["LATCHKEY_WORKERS must be 1 in development, because the inbox shows the messages of one process: remove it."],
    ]);
  });

  it("when the metrics' port is taken, before any of them is started", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const exit = await runLatchkey(["serve", "--workers", "2"], {
      ...productionEnv(),
      LATCHKEY_DATABASE_URL: "postgres://latchkey:secret-word@127.0.0.1:1/latchkey",
      LATCHKEY_METRICS_LISTEN: `127.0.0.1:${(taken.address() as AddressInfo).port}`,
    });
    taken.close();
    expect([exit.code, exit.stderr]).toEqual([1, [expect.stringMatching(/^Another process uses a listen address/)]]);
  });

  it("when the first of them can't start, with its reason told once", async () => {
    const exit = await runLatchkey(["serve", "--workers", "4"], {
      ...productionEnv(),
      LATCHKEY_DATABASE_URL: "postgres://latchkey:secret-word@127.0.0.1:1/latchkey",
    });
    expect(exit.code).toBe(1);
    const told = exit.stderr.filter((line) => line.includes("ECONNREFUSED"));
    expect(told).toHaveLength(1);
    expect(exit.stderr.join("\n")).not.toContain("secret-word");
  });
});
