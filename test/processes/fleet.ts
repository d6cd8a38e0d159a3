import { Agent } from "node:http";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import type { RpcCaller, Target } from "../doors/callers.js";
import { startMailbox } from "../kill/mail.js";
import { eventually } from "../support/app.js";
import type { CodeReader } from "../support/calls.js";
import { query, urlOf } from "../support/postgres.js";
import { developmentEnv, productionEnv, type Server, startServer } from "../support/server.js";
import { createSharedClock, type SharedClock } from "./shared-clock.js";

/** Several `latchkey serve` on one database, which callers take for one service. */
export interface Fleet extends CodeReader {
  readonly servers: readonly Server[];
  readonly processes: number;
  /** Where calls go, in turn. */
  readonly targets: readonly Target[];
  /** Each call goes to the next process. */
  readonly auth: Client<typeof AuthService>;
  /** Messages to a destination, when at least `count` have come. */
  messages(to: string, count?: number): Promise<readonly unknown[]>;
  /** The sum of a metric over all processes. */
  metric(name: string): Promise<number>;
  /** How many processes have had callers so far. */
  called(): number;
  stop(): Promise<void>;
}

/** How many processes the suites of fleets run with: each of `LATCHKEY_TEST_PROCESSES`, such as `4`; by default two and four. */
export const processCounts: readonly number[] = (process.env.LATCHKEY_TEST_PROCESSES ?? "2,4").split(",").map(Number);

/** As the clock of `startTestApp`, so that both answer the same. */
const startAt = Date.parse("2026-01-15T12:00:00Z");

/** Of production. */
const deliveryDelayMaxMs = 1_000;

/** Servers with ports of their own, in development, by one clock that stands still. */
export async function startServers(
  count: number,
  location: PostgresLocation,
): Promise<Fleet & { readonly clock: SharedClock }> {
  const clock = await createSharedClock(location, startAt);
  const env = { ...developmentEnv(), LATCHKEY_DATABASE_URL: urlOf(location), ...clock.env };
  const servers = [await startServer(env)];
  const { folder } = servers[0]!;
  servers.push(...(await Promise.all(Array.from({ length: count - 1 }, () => startServer(env, { folder })))));
  const targets = servers.map(({ grpcAddress, httpUrl }) => ({ grpcAddress, webUrl: httpUrl }));

  const inboxes = async (to?: string) => (await Promise.all(servers.map((server) => server.inbox(to)))).flat();
  return {
    clock,
    ...callable(servers, targets),
    processes: count,
    called: () => calledOf(clock, targets),
    messages: (to, least = 1) =>
      eventually(`${least} messages to ${to}`, async () => {
        const found = await inboxes(to);
        return found.length >= least ? found : undefined;
      }),
    messageOf: (challenge) =>
      eventually("the challenge's message", async () =>
        (await inboxes()).findLast((message) => message.challengeId === challenge?.challengeId),
      ),
    async stop() {
      await stopAll(servers);
      clock.close();
    },
  };
}

/**
 * One `serve --workers`, whose workers get connections in turn. In production, for elsewhere workers are refused; there messages wait
 * up to a second, which is why reading one moves the clock.
 */
export async function startWorkers(
  count: number,
  location: PostgresLocation,
): Promise<Fleet & { readonly clock: SharedClock; readonly production: true }> {
  const clock = await createSharedClock(location, startAt);
  const codes = new Map<string, string[]>();
  const mail = await startMailbox((to, code) => codes.set(to, [...(codes.get(to) ?? []), code]));
  const server = await startServer({
    ...productionEnv(mail.port),
    LATCHKEY_DATABASE_URL: urlOf(location),
    LATCHKEY_WORKERS: String(count),
    ...clock.env,
  });
  const { grpcAddress, httpUrl: webUrl } = server;
  // A connection for every call: one that is kept would have all calls answered by one worker.
  const target = { grpcAddress, webUrl, agent: new Agent({ keepAlive: false }) };
  async function messages(to: string, least = 1): Promise<readonly string[]> {
    await clock.advance(deliveryDelayMaxMs);
    return await eventually(`${least} messages to ${to}`, async () => {
      const found = codes.get(to) ?? [];
      return found.length >= least ? found : undefined;
    });
  }
  return {
    clock,
    production: true,
    ...callable(
      [server],
      Array.from({ length: count }, () => target),
    ),
    processes: count,
    called: () => calledOf(clock, [target]),
    messages,
    async messageOf(challenge) {
      const { challengeId } = challenge!;
      // Mails do not name their challenge: its code is that of the last one when all have come.
      const [stored] = await query<{ contact: string; sends: number }>(
        location,
        `SELECT contact_value AS contact, sum(sends)::int AS sends FROM challenges
        WHERE contact_value = (SELECT contact_value FROM challenges WHERE challenge_id = $1) GROUP BY contact_value`,
        [challengeId],
      );
      return { challengeId, code: (await messages(stored!.contact, stored!.sends)).at(-1)! };
    },
    async stop() {
      await stopAll([server]);
      await mail.stop();
      clock.close();
    },
  };
}

function calledOf(clock: SharedClock, targets: readonly Target[]): number {
  const ports = targets.flatMap(({ grpcAddress, webUrl }) => [new URL(`http://${grpcAddress}`).port, new URL(webUrl).port]);
  return clock.connected(ports.map(Number)).size;
}

/** One caller whose calls are made by the given ones in turn. */
export function inTurn(callers: readonly RpcCaller[]): RpcCaller {
  let calls = 0;
  return {
    call: (...call) => callers[calls++ % callers.length]!.call(...call),
    close() {
      for (const caller of callers) caller.close();
    },
  };
}

function callable(
  servers: readonly Server[],
  targets: readonly Target[],
): Pick<Fleet, "servers" | "targets" | "auth" | "metric"> {
  const transports = targets.map(({ webUrl, agent }) =>
    createConnectTransport({ baseUrl: webUrl, httpVersion: "1.1", nodeOptions: { agent } }),
  );
  let calls = 0;
  const next = (): Transport => transports[calls++ % transports.length]!;
  return {
    servers,
    targets,
    auth: createClient(AuthService, { unary: (...call) => next().unary(...call), stream: (...call) => next().stream(...call) }),
    async metric(name) {
      const values = await Promise.all(servers.map(({ metricsUrl }) => readMetric(metricsUrl, name)));
      return values.reduce((sum, value) => sum + value, 0);
    },
  };
}

/** The sum over all labels. */
export async function readMetric(url: string, name: string): Promise<number> {
  const text = await (await fetch(url)).text();
  return [...text.matchAll(new RegExp(`^${name}(?:{.*})? (\\S+)$`, "gm"))].reduce((sum, [, value]) => sum + Number(value), 0);
}

async function stopAll(servers: readonly Server[]): Promise<void> {
  const exits = await Promise.all(servers.map((server) => server.stop()));
  const failed = exits.find(({ code }) => code !== 0);
  if (failed !== undefined) throw new Error(`a server ended with ${failed.code}\n${failed.stderr.join("\n")}`);
}
