import { afterAll, beforeAll, expect, it } from "vitest";
import { bearer, signIn } from "../serve/sign-in.js";
import { locationOf, portOf, query } from "../support/postgres.js";
import { type Pair, startPair } from "../support/postgres-pair.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";

const email = "ada@example.com";
let pair: Pair;
let server: Server;

beforeAll(async () => {
  pair = await startPair();
  server = await startServer({
    ...developmentEnv(),
    LATCHKEY_RESEND_COOLDOWN: "0ms",
    LATCHKEY_DATABASE_URL: pair.primary().url,
    LATCHKEY_DATABASE_READ_HOSTS: `127.0.0.1:${portOf(pair.standby().url)}`,
  });
});

afterAll(async () => {
  await endServers();
  await pair?.stop();
});

it("a standby serves lists until it is 10 s behind, and then the primary does", async () => {
  const { accessToken } = await signIn(server, email);
  const sessions = async () => (await server.grpc.listSessions({}, bearer(accessToken))).sessions.length;
  await until("a list of the standby", async () => ((await sessions()) === 1 ? true : undefined));
  await query(locationOf(pair.standby().url), "SELECT pg_wal_replay_pause()");
  await until("the pause", async () => {
    const [row] = await query<{ state: string }>(
      locationOf(pair.standby().url),
      "SELECT pg_get_wal_replay_pause_state() AS state",
    );
    return row!.state === "paused" || undefined;
  });
  await signIn(server, email);
  const signedInAt = performance.now();
  expect(await sessions()).toBe(1);
  await until("a list of the primary", async () => ((await sessions()) === 2 ? true : undefined), 20_000);
  expect(performance.now() - signedInAt).toBeGreaterThan(5_000);
});
