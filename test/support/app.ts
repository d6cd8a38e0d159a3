import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { diskFiles, readSettings, type Settings } from "../../src/config/settings.js";
import type { InboxMessage } from "../../src/delivery/taps/inbox.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import type { Log } from "../../src/lib/log.js";
import { type Overrides, type Running, type RunningServer, startApp } from "../../src/server/app.js";
import { newSqliteFile } from "./sqlite-template.js";

/** A clock that stands still until it is moved. */
export interface FakeClock {
  (): number;
  advance(ms: number): void;
}

export function fakeClock(startAt = Date.parse("2026-01-15T12:00:00Z")): FakeClock {
  let now = startAt;
  return Object.assign(() => now, {
    advance(ms: number) {
      now += ms;
    },
  });
}

/** Log lines as they were written. */
export interface KeptLog extends Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: Readonly<Record<string, unknown>> }[];
}

export function keptLog(): KeptLog {
  const lines: KeptLog["lines"] = [];
  const at = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    void lines.push({ level, message, fields });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** The whole server in this process, on free ports, with a database file of its own. */
export interface TestApp {
  readonly app: RunningServer;
  readonly settings: Settings;
  readonly clock: FakeClock;
  readonly log: KeptLog;
  readonly folder: string;
  readonly auth: Client<typeof AuthService>;
  /** As a client at another network address, behind the proxy that the server trusts. */
  authFrom(address: string): Client<typeof AuthService>;
  /** As another client of the directory. */
  authAs(clientId: string): Client<typeof AuthService>;
  /** With these headers in every call. */
  authWith(headers: Readonly<Record<string, string>>): Client<typeof AuthService>;
  /** Messages to a destination, newest first, when at least `count` have come. */
  messages(to: string, count?: number): Promise<readonly InboxMessage[]>;
  /** The first message of a challenge, when it has come. */
  messageOf(challenge: { readonly challengeId: string } | undefined): Promise<InboxMessage>;
  /** Ends the server and starts it again on the same database with the same keys. */
  restart(env?: Readonly<Record<string, string>>): Promise<TestApp>;
  stop(): Promise<void>;
}

const secrets = {
  LATCHKEY_PEPPER: randomBytes(32).toString("base64"),
  LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
};

/** Starts a server, in development mode by default, with the settings given as environment variables; every time is the fake clock's. */
export async function startTestApp(
  env: Readonly<Record<string, string>> = {},
  overrides: Overrides & Running = {},
): Promise<TestApp> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-test-"));
  if (env.LATCHKEY_DATABASE_URL === undefined) await newSqliteFile(databaseIn(folder));
  return await start({ env, overrides, folder, clock: fakeClock() });
}

const databaseIn = (folder: string) => join(folder, "latchkey.db");

interface Start {
  readonly env: Readonly<Record<string, string>>;
  readonly overrides: Overrides & Running;
  readonly folder: string;
  readonly clock: FakeClock;
}

async function start(given: Start): Promise<TestApp> {
  const { env, overrides, folder, clock } = given;
  const log = keptLog();
  const settings = testSettings({ LATCHKEY_DATABASE_URL: `sqlite:${databaseIn(folder)}`, ...env });
  const app = await startApp(settings, log, { clock, print: () => {}, ...overrides });
  const authFrom = (address: string) => clientOf(app, { "x-forwarded-for": address });

  async function listed(to?: string): Promise<readonly InboxMessage[]> {
    const query = to === undefined ? "" : `?to=${encodeURIComponent(to)}`;
    const response = await fetch(`http://127.0.0.1:${app.inboxPort}/messages${query}`);
    return (await response.json()) as InboxMessage[];
  }

  return {
    app,
    settings,
    clock,
    log,
    folder,
    auth: clientOf(app, {}),
    authFrom,
    authAs: (clientId) => clientOf(app, { "x-latchkey-client": clientId }),
    authWith: (headers) => clientOf(app, headers),
    messages: (to, count = 1) =>
      eventually(`${count} messages to ${to}`, async () => {
        const found = await listed(to);
        return found.length >= count ? found : undefined;
      }),
    messageOf: (challenge) =>
      eventually("the challenge's message", async () =>
        (await listed()).findLast((message) => message.challengeId === challenge?.challengeId),
      ),
    async restart(changed = {}) {
      await app.stop();
      return await start({ ...given, env: { ...env, ...changed } });
    },
    async stop() {
      await app.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Asks until there is an answer; delivery is asynchronous by design. It gives up before a test would. */
export async function eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 4000; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Settings as a deployment would read them from `env`, on free ports and with the fast hash. */
export function testSettings(env: Readonly<Record<string, string>>): Settings {
  const read = readSettings(
    {
      LATCHKEY_MODE: "development",
      LATCHKEY_GRPC_LISTEN: "127.0.0.1:0",
      LATCHKEY_HTTP_LISTEN: "127.0.0.1:0",
      LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
      ...(env.LATCHKEY_MODE === "production" ? {} : { LATCHKEY_INBOX_LISTEN: "127.0.0.1:0" }),
      LATCHKEY_ISSUER: "http://localhost:8080",
      LATCHKEY_CODE_HASH: "fast",
      LATCHKEY_TRUSTED_PROXIES: "127.0.0.1",
      ...secrets,
      ...env,
    },
    { files: diskFiles },
  );
  if (!read.ok) throw new Error(read.problems.join("\n"));
  return read.settings;
}

function clientOf(app: RunningServer, headers: Readonly<Record<string, string>>): Client<typeof AuthService> {
  const transport = createConnectTransport({
    baseUrl: `http://127.0.0.1:${app.httpPort}`,
    httpVersion: "1.1",
    interceptors: [
      (next) => (request) => {
        for (const [name, value] of Object.entries(headers)) request.header.set(name, value);
        return next(request);
      },
    ],
  });
  return createClient(AuthService, transport);
}
