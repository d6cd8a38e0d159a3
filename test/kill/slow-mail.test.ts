import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { startMailServer } from "../support/smtp.js";
import { bothOutboxes, outboxLength } from "./snapshot.js";

/** Connections to a mail server, that of the check at the start included, and messages under way, at most. */
const connectionsMax = 50 + 1;
const inFlightMax = 64;

const closers: (() => unknown)[] = [];

afterEach(async () => {
  await endServers();
  for (const close of closers.splice(0)) await close();
});

function start(port: number): Promise<Server> {
  const smtp = `smtp://127.0.0.1:${port}?from=codes@example.com&starttls=never`;
  return startServer({ ...developmentEnv(), LATCHKEY_SMTP_URL: smtp });
}

/** Asks for codes, one after another, and gives how long the slowest answer took. */
async function sendAll({ grpc }: Server, addresses: readonly string[]): Promise<number> {
  let slowest = 0;
  for (const value of addresses) {
    const begunAt = performance.now();
    await grpc.sendOtp({ identifier: { case: "email", value }, createUserIfMissing: true });
    slowest = Math.max(slowest, performance.now() - begunAt);
  }
  return slowest;
}

const addresses = (count: number, domain: string) => Array.from({ length: count }, (_, n) => `user${n}@${domain}`);

/** How many messages have been taken out of the outbox to be sent and are still in it. */
function underWay({ folder }: Server): number {
  const db = connect(join(folder, "latchkey.db"), { readonly: true });
  try {
    return db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${bothOutboxes} WHERE tries > 0`).get()!.n;
  } finally {
    db.close();
  }
}

it("mails that their server never answers hold up neither callers nor the mails of others, and are tried again", async () => {
  let holding = true;
  const mail = await startMailServer({ hold: (address) => holding && address.endsWith("@slow.example") });
  closers.push(() => mail.stop());
  const server = await start(mail.port);
  expect(await sendAll(server, addresses(40, "slow.example"))).toBeLessThan(1_000);
  await until("forty mails under way", () => (underWay(server) === 40 ? true : undefined));
  expect(await sendAll(server, addresses(40, "quick.example"))).toBeLessThan(1_000);
  await until("the mails of others", () => (mail.mails.length === 40 ? true : undefined), 5_000);
  expect(mail.mails.filter(({ recipients }) => recipients[0]!.endsWith("@slow.example"))).toEqual([]);
  expect(mail.connections()).toBeLessThanOrEqual(connectionsMax);
  holding = false;
  await until("every mail", () => (mail.mails.length === 80 ? true : undefined), 60_000);
  await until("an empty outbox", () => (outboxLength(join(server.folder, "latchkey.db")) === 0 ? true : undefined));
  expect(new Set(mail.mails.map(({ recipients }) => recipients[0])).size).toBe(80);
});

it("a mail server that takes connections and says nothing holds up no caller and gets no more than it may, and all mails come when it speaks", async () => {
  const silent = new Set<Socket>();
  let most = 0;
  const mute = createServer((socket) => {
    silent.add(socket);
    most = Math.max(most, silent.size);
    socket.on("close", () => silent.delete(socket)).on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(mute, "listening");
  const { port } = mute.address() as AddressInfo;
  const server = await start(port);
  expect(await sendAll(server, addresses(150, "example.com"))).toBeLessThan(1_000);
  await until("all connections that it may have", () => (silent.size === connectionsMax ? true : undefined));
  expect(underWay(server)).toBeLessThanOrEqual(inFlightMax);
  await until(
    "the first to be given up",
    () => (server.stdout.some((line) => line.includes("code not sent yet")) ? true : undefined),
    20_000,
  );
  expect(most).toBeLessThanOrEqual(connectionsMax);

  for (const socket of silent) socket.destroy();
  mute.close();
  await once(mute, "close");
  const mail = await startMailServer({ port });
  closers.push(() => mail.stop());
  await until("every mail", () => (mail.mails.length === 150 ? true : undefined), 90_000);
  expect(new Set(mail.mails.map(({ recipients }) => recipients[0])).size).toBe(150);
});
