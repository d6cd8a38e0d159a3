import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TokenSet } from "../../src/gen/latchkey/v1/session_pb.js";
import { connect } from "../../src/store/sqlite/connect.js";
import { wrongCode } from "../support/calls.js";
import { type Env, endServers, productionEnv, type Server, startServer, until } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";
import { bearer } from "./sign-in.js";

let mail: MailServer;
let env: Env;
let server: Server;
const phone = "+46701234567";
const emails = Array.from({ length: 6 }, (_, n) => `secret.person${n}@example.com`);

/** What may be nowhere once it was used, by name. */
const secrets: { readonly name: string; readonly bytes: Buffer }[] = [];
/** All that callers were told. */
const answers: string[] = [];
const codes: string[] = [];

beforeAll(async () => {
  mail = await startMailServer();
  // Ten digits are not found anywhere by chance.
  env = { ...productionEnv(mail.port), LATCHKEY_CODE_LENGTH: "10", LATCHKEY_LOG_LEVEL: "debug" };
  server = await startServer(env);
  for (const name of ["LATCHKEY_PEPPER", "LATCHKEY_MASTER_KEY"]) addBytes(name, Buffer.from(env[name]!, "base64"));
});

afterAll(async () => {
  await endServers();
  await mail.stop();
});

function addText(name: string, text: string): void {
  secrets.push({ name, bytes: Buffer.from(text) });
}

function addBytes(name: string, bytes: Buffer): void {
  secrets.push({ name: `${name} (raw)`, bytes });
  for (const encoding of ["base64", "base64url", "hex"] as const) addText(`${name} (${encoding})`, bytes.toString(encoding));
}

function addTokens(tokens: TokenSet): void {
  addText("access token", tokens.accessToken);
  addText("access token's signature", tokens.accessToken.split(".")[2]!);
  addText("refresh token", tokens.refreshToken);
  addText("refresh token's MAC", tokens.refreshToken.split(".")[4]!);
  if (tokens.idToken !== "") addText("id token", tokens.idToken);
}

async function told<T>(call: Promise<T>): Promise<T> {
  try {
    const answer = await call;
    answers.push(JSON.stringify(answer, (_, value) => (typeof value === "bigint" ? String(value) : value)));
    return answer;
  } catch (error) {
    answers.push(inspectError(error));
    throw error;
  }
}

/** With details and metadata in every form. */
function inspectError(error: unknown): string {
  const { message, metadata } = error as { message: string; metadata?: { getMap?(): Record<string, unknown> } };
  const map = metadata?.getMap?.() ?? {};
  return [
    message,
    ...Object.values(map).map((value) => (value instanceof Buffer ? value.toString("latin1") : String(value))),
  ].join();
}

async function codeOf(email: string): Promise<string> {
  const received = await until("the mail", () => mail.mails.find(({ recipients }) => recipients.includes(email)));
  return received.parsed.subject!.split(" ")[0]!;
}

function sealedCopies(): Buffer[] {
  const db = connect(databasePath(), { readonly: true });
  const rows = db
    .prepare<[], { sealed_code: Buffer }>("SELECT sealed_code FROM challenges WHERE sealed_code IS NOT NULL")
    .all();
  db.close();
  return rows.map(({ sealed_code }) => sealed_code);
}

const databasePath = (): string => join(server.folder, "latchkey.db");

/** The secrets that a text or file holds, by name. */
function found(haystack: Buffer, among = secrets): string[] {
  return [...new Set(among.filter(({ bytes }) => haystack.includes(bytes)).map(({ name }) => name))];
}

function inDatabase(): string[] {
  const files = ["", "-wal", "-shm", "-journal"].map((suffix) => databasePath() + suffix).filter(existsSync);
  return files.flatMap((file) => found(readFileSync(file)).map((name) => `${name} in ${file.slice(server.folder.length)}`));
}

it("after their use codes, sealed copies, tokens and keys are in no file of the database and in no log", async () => {
  const challengeIds = await sendAll();
  const sealed = sealedCopies();
  expect(sealed).toHaveLength(emails.length);
  for (const copy of sealed) addBytes("sealed copy", copy);
  // The search finds what is there: else its silence would mean nothing.
  expect(inDatabase()).toContainEqual(expect.stringContaining("sealed copy (raw)"));

  for (const [n, email] of emails.entries()) await useUp(email, challengeIds[n]!);
  // A phone number that no provider reaches, and guesses that are refused, go through the debug log too.
  await told(server.grpc.sendOtp({ identifier: { case: "phone", value: phone } })).catch(() => {});
  expect(sealedCopies()).toEqual([]);

  // While it runs: overwritten within the five seconds of a scrub.
  await until("the scrub", () => (inDatabase().length === 0 ? true : undefined));
  const exit = await server.stop();
  expect(exit.code).toBe(0);
  expect(inDatabase()).toEqual([]);
  const log = [...exit.stdout, ...exit.stderr].join("\n");
  expect(log).toContain("code redeemed");
  expect(log).toContain("call refused");
  expect(found(Buffer.from(log))).toEqual([]);
  for (const contact of [...emails, phone, phone.slice(1), "secret.person"]) expect(log).not.toContain(contact);
  expect(
    found(
      Buffer.from(answers.join("\n")),
      codes.map((code) => ({ name: "code", bytes: Buffer.from(code) })),
    ),
  ).toEqual([]);
}, 30_000);

async function sendAll(): Promise<string[]> {
  const challengeIds: string[] = [];
  for (const [n, email] of emails.entries()) {
    const api = n % 2 === 0 ? server.grpc : server.auth;
    const challenge =
      n < 3
        ? (await told(api.registerUser({ email, displayName: "Ada" }))).challenges[0]
        : (await told(api.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true }))).challenge;
    challengeIds.push(challenge!.challengeId);
    const code = await codeOf(email);
    codes.push(code);
    addText("code", code);
  }
  return challengeIds;
}

/** A wrong guess, the right one, a refresh, a call, a replay of the code, and the end by one or the other token. */
async function useUp(email: string, challengeId: string): Promise<void> {
  const code = await codeOf(email);
  await told(server.grpc.verifyOtp({ challengeId, code: wrongCode(code) })).catch(() => {});
  const { tokens: first } = await server.grpc.verifyOtp({ challengeId, code, idempotencyKey: `once-and-again-${email}` });
  addTokens(first!);
  const { tokens: second } = await server.auth.refreshToken({ refreshToken: first!.refreshToken });
  addTokens(second!);
  await told(server.grpc.getCurrentUser({}, bearer(second!.accessToken)));
  await told(server.grpc.listSessions({}, bearer(second!.accessToken)));
  await told(server.auth.verifyOtp({ challengeId, code })).catch(() => {});
  await told(server.auth.revokeToken({ token: email.includes("3") ? second!.accessToken : second!.refreshToken }));
  await told(server.grpc.getCurrentUser({}, bearer(second!.accessToken))).catch(() => {});
  await told(server.grpc.refreshToken({ refreshToken: second!.refreshToken })).catch(() => {});
}
