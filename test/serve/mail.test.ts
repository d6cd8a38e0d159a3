import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { outboxLength } from "../kill/snapshot.js";
import { developmentEnv, endServers, type Server, startServer, until } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";

let mail: MailServer;
let server: Server;

beforeAll(async () => {
  mail = await startMailServer();
  server = await startServer({
    ...developmentEnv(),
    LATCHKEY_RESEND_COOLDOWN: "0",
    LATCHKEY_SMTP_URL: `smtp://127.0.0.1:${mail.port}?from=codes@example.com&starttls=never`,
  });
});

afterAll(async () => {
  await endServers();
  await mail.stop();
});

it("a code that is sent again comes as a mail of its own: mailboxes drop a second mail with the Message-ID of the first", async () => {
  const email = { case: "email" as const, value: "ada@example.com" };
  const { challenge } = await server.grpc.sendOtp({ identifier: email, createUserIfMissing: true });
  const identifier = { case: "challengeId" as const, value: challenge!.challengeId };
  for (const count of [1, 2, 3]) {
    await until("the mail", () => mail.mails.length >= count || undefined);
    await until("an empty outbox", () => outboxLength(join(server.folder, "latchkey.db")) === 0 || undefined);
    if (count < 3) await server.grpc.sendOtp({ identifier });
  }
  const mails = mail.mails.map(({ parsed }) => parsed);
  expect(new Set(mails.map(({ subject }) => subject)).size).toBe(1);
  expect(new Set(mails.map(({ messageId }) => messageId)).size).toBe(3);
});
