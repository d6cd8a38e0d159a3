import { writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { locationOf, query } from "../support/postgres.js";
import { startRestartableServer } from "../support/postgres-server.js";
import { developmentEnv, endServers, newFolder, type Server, startServer, until } from "../support/server.js";
import { bothOutboxes } from "./snapshot.js";

const rounds = Number(process.env.LATCHKEY_KILL_ROUNDS ?? 50);
const perRound = 3;

/**
 * Where a server dies. `committed`: when the codes are promised. `dropped`: when the carrier has a request that it loses. `taken`: when the
 * carrier has a message and has not answered. `answered`: when it has answered, before the server can settle the message.
 */
const moments = ["committed", "dropped", "taken", "answered"] as const;
type Moment = (typeof moments)[number];

interface Arrival {
  readonly reference: string;
  readonly text: string;
  readonly at: number;
}

const closers: (() => unknown)[] = [];

afterEach(async () => {
  await endServers();
  for (const close of closers.splice(0).reverse()) await close();
});

/** An SMS carrier on loopback. At the moment that `dieAt` says, it calls `die`, once. */
async function startCarrier() {
  const arrivals = new Map<string, Arrival[]>();
  let armed: { readonly at: Moment; readonly die: () => void } | null = null;
  const reaches = (moment: Moment): boolean => {
    if (armed?.at !== moment) return false;
    armed.die();
    armed = null;
    return true;
  };
  const server = http.createServer(async (request, response) => {
    // A sender that dies half way has sent no message.
    const body = await text(request).catch(() => null);
    if (body === null) return;
    if (reaches("dropped")) return void request.socket.destroy();
    const { to, ...message } = JSON.parse(body) as { to: string; reference: string; text: string };
    arrivals.set(to, [...(arrivals.get(to) ?? []), { ...message, at: Date.now() }]);
    if (reaches("taken")) return;
    response.on("finish", () => reaches("answered"));
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":"1"}');
  });
  server.listen(0, "127.0.0.1");
  await until("the carrier", () => (server.listening ? true : undefined));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    arrivalsOf: (to: string) => arrivals.get(to) ?? [],
    dieAt(at: Moment, die: () => void) {
      armed = { at, die };
    },
  };
}

function gatewayFile(port: number): string {
  const path = join(newFolder(), "carrier.json");
  const body = { json: { to: "{to}", text: "{text}", reference: "{reference}" } };
  const description = {
    channels: ["sms"],
    from: "Latchkey",
    request: { url: `http://127.0.0.1:${port}/messages`, body },
    success: { status: 200, message_id: "/id" },
  };
  writeFileSync(path, JSON.stringify(description));
  return path;
}

interface Outbox {
  length(): Promise<number>;
  /** Ends the leases of a server that is dead, which would else last a minute. */
  endLeases(): Promise<void>;
}

interface Engine {
  readonly env: Readonly<Record<string, string>>;
  outboxOf(folder: string): Outbox;
}

const lengthSql = `SELECT count(*) AS n FROM ${bothOutboxes}`;
const endLeasesSql = ["outbox", "outbox_later"].map((table) => `UPDATE ${table} SET due_at = 0`);

const engines: readonly [string, () => Promise<Engine>][] = [
  [
    "SQLite",
    async () => ({
      env: {},
      outboxOf(folder) {
        const within = <T>(act: (db: ReturnType<typeof connect>) => T): T => {
          const db = connect(join(folder, "latchkey.db"));
          try {
            return act(db);
          } finally {
            db.close();
          }
        };
        return {
          length: async () => within((db) => db.prepare<[], { n: number }>(lengthSql).get()!.n),
          endLeases: async () => within((db) => void db.exec(endLeasesSql.join(";"))),
        };
      },
    }),
  ],
  [
    "PostgreSQL",
    async () => {
      const postgres = await startRestartableServer();
      closers.push(() => postgres.stop());
      const location = locationOf(postgres.url);
      return {
        env: { LATCHKEY_DATABASE_URL: `${postgres.url}?sslmode=disable` },
        outboxOf: () => ({
          length: async () => Number((await query<{ n: string }>(location, lengthSql))[0]!.n),
          async endLeases() {
            for (const sql of endLeasesSql) await query(location, sql);
          },
        }),
      };
    },
  ],
];

interface Promised {
  readonly phone: string;
  readonly expiresAt: number;
  /** Whether its server was restarted after the code had expired. */
  readonly isLate: boolean;
}

it.each(engines)(
  `every SMS comes once or twice, never a third time, never not at all and never after its expiry, through ${rounds} kills -9 on %s`,
  async (_name, start) => {
    const engine = await start();
    const carrier = await startCarrier();
    const folder = newFolder();
    const outbox = engine.outboxOf(folder);
    const env = {
      ...developmentEnv(),
      ...engine.env,
      LATCHKEY_SMS_URL: `http-gateway://${gatewayFile(carrier.port)}?insecure=1#loopback`,
    };
    const promised: Promised[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const isLate = round % 10 === 9;
      const server = await startServer({ ...env, LATCHKEY_CODE_TTL: isLate ? "2s" : "10m" }, { folder });
      await until("the messages of the round before", async () => ((await outbox.length()) === 0 ? true : undefined), 20_000);
      // Numbers that differ in more than their last four digits have budgets of their own.
      const phones = Array.from({ length: perRound }, (_, n) => `+4670${1_000_000 + 10_000 * (round * perRound + n)}`);
      const sent = await sendAndDie(server, carrier, {
        phones,
        moment: isLate ? "committed" : moments[round % moments.length]!,
      });
      promised.push(...sent.map((one) => ({ ...one, isLate })));
      await outbox.endLeases();
      const expiry = Math.max(...sent.map(({ expiresAt }) => expiresAt));
      if (isLate) await until("the expiry", () => (Date.now() > expiry ? true : undefined));
    }
    const last = await startServer(env, { folder });
    await until("an empty outbox", async () => ((await outbox.length()) === 0 ? true : undefined), 20_000);
    expect((await last.stop()).code).toBe(0);

    expect(promised.length).toBeGreaterThanOrEqual(rounds);
    const counts = [0, 0, 0];
    for (const { phone, expiresAt, isLate } of promised) {
      const arrivals = carrier.arrivalsOf(phone);
      expect(arrivals.length, `messages to ${phone}`).toBeGreaterThanOrEqual(isLate ? 0 : 1);
      expect(arrivals.length, `messages to ${phone}`).toBeLessThanOrEqual(2);
      for (const { at } of arrivals) expect(at).toBeLessThan(expiresAt);
      expect(new Set(arrivals.map(({ reference }) => reference)).size).toBeLessThanOrEqual(1);
      expect(new Set(arrivals.map(({ text: said }) => /\d{6}/.exec(said)![0])).size).toBeLessThanOrEqual(1);
      counts[arrivals.length]! += 1;
    }
    console.log(`${promised.length} messages: ${counts[0]} expired unsent, ${counts[1]} came once, ${counts[2]} twice`);
    // Few kills may all miss the moment between a carrier's answer and its record.
    if (rounds >= 20) expect(counts[2]).toBeGreaterThan(0);
  },
  600_000,
);

/** Asks for a code for each phone and kills the server at the moment. */
async function sendAndDie(
  server: Server,
  carrier: Awaited<ReturnType<typeof startCarrier>>,
  { phones, moment }: { readonly phones: readonly string[]; readonly moment: Moment },
): Promise<readonly Pick<Promised, "phone" | "expiresAt">[]> {
  const died = new Promise<void>((resolve, reject) => {
    carrier.dieAt(moment, () => void server.kill().then(() => resolve(), reject));
  });
  const sent = await Promise.allSettled(
    phones.map(async (phone) => {
      const identifier = { case: "phone", value: phone } as const;
      const { challenge } = await server.grpc.sendOtp({ identifier, createUserIfMissing: true });
      return { phone, expiresAt: Number(challenge!.expiresAt!.seconds) * 1_000 + challenge!.expiresAt!.nanos / 1e6 };
    }),
  );
  if (moment === "committed") await server.kill();
  else await died;
  // A call that died with its server promised nothing.
  return sent.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
}
