import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { afterEach, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";
import { outboxLength } from "./snapshot.js";

const opened: MailServer[] = [];

afterEach(async () => {
  await endServers();
  for (const server of opened.splice(0)) await server.stop();
});

async function mailServer(port?: number): Promise<MailServer> {
  const server = await startMailServer({ port });
  opened.push(server);
  return server;
}

/** A port on which no mail server listens yet. */
async function quietPort(): Promise<number> {
  const { port, stop } = await startMailServer();
  await stop();
  return port;
}

function start(port: number, codeTtl: string): Promise<Server> {
  return startServer({
    ...developmentEnv(),
    LATCHKEY_CODE_TTL: codeTtl,
    LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${port}?from=codes@example.com&starttls=never`,
  });
}

const path = (server: Server): string => join(server.folder, "latchkey.db");

async function send(server: Server): Promise<string> {
  const identifier = { case: "email" as const, value: "ada@example.com" };
  const { challenge } = await server.grpc.sendOtp({ identifier, createUserIfMissing: true });
  return challenge!.challengeId;
}

/** Waits until a try has failed and the next one is noted; before that the message is due when a lease of a minute has run out. */
async function failedTry(server: Server): Promise<void> {
  const soon = "SELECT 1 FROM outbox_later WHERE tries > 0 AND due_at < ?";
  await until("a failed try", () => reading(server, (db) => db.prepare(soon).get(Date.now() + 10_000)) && true);
}

it("a code that waits for its mail server is sent after a kill, and it is the code of its challenge", async () => {
  const port = await quietPort();
  const server = await start(port, "10m");
  const challengeId = await send(server);
  await failedTry(server);
  await server.kill();
  const mail = await mailServer(port);
  const restarted = await server.restart();
  await until("the mail", () => mail.mails.length > 0 || undefined, 80_000);
  await until("an empty outbox", () => outboxLength(path(restarted)) === 0 || undefined);
  expect(mail.mails).toHaveLength(1);
  const code = mail.mails[0]!.parsed.subject!.split(" ")[0]!;
  await restarted.grpc.verifyOtp({ challengeId, code });
});

it("a code whose challenge expired while the server was dead is never sent, and its sealed copy is erased", async () => {
  const port = await quietPort();
  const server = await start(port, "2s");
  await send(server);
  await failedTry(server);
  await server.kill();
  const mail = await mailServer(port);
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const restarted = await server.restart();
  await until("an empty outbox", () => outboxLength(path(restarted)) === 0 || undefined, 80_000);
  await until("the erasure", () => (sealedCopies(restarted) === 0 ? true : undefined));
  await restarted.stop();
  expect(mail.mails).toEqual([]);
});

function sealedCopies(server: Server): number {
  const sql = "SELECT count(*) AS n FROM challenges WHERE sealed_code IS NOT NULL";
  return reading(server, (db) => db.prepare<[], { n: number }>(sql).get()!.n);
}

function reading<T>(server: Server, read: (db: Database) => T): T {
  const db = connect(path(server), { readonly: true });
  try {
    return read(db);
  } finally {
    db.close();
  }
}
