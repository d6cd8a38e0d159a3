import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { errorDetails } from "../../src/client/grpc.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { clearMoving, markMoved, markMoving, readMoveMark } from "../../src/store/sqlite/move-mark.js";
import { openDatabase } from "../../src/store/sqlite/sqlite.js";
import { get, watchHealth } from "../serve/probes.js";
import { refusal } from "../serve/refusals.js";
import { bearer, reasonOf, sendCode, signIn } from "../serve/sign-in.js";
import { wrongCode } from "../support/calls.js";
import { query, testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  type Exit,
  endServers,
  runLatchkey,
  type Server,
  startServer,
  until,
} from "../support/server.js";

const databases = testDatabases();
const password = "not-to-be-printed";

let env: Env;
let server: Server;

beforeEach(async () => {
  env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0" };
  server = await startServer(env);
});
afterEach(endServers);

const database = () => openDatabase(join(server.folder, "latchkey.db"));

async function latchkey(...args: readonly string[]): Promise<Exit> {
  const exit = await runLatchkey(args, env, server.folder);
  for (const line of [...exit.stdout, ...exit.stderr]) expect(line).not.toContain(password);
  return exit;
}

/** The one sentence of a command that must be refused. */
async function sentenceOf(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await latchkey(...args);
  expect([code, stdout, stderr.length]).toEqual([1, [], 1]);
  return stderr[0]!;
}

/** How a call is refused, as a caller reads it. */
async function refusalOf(call: Promise<unknown>) {
  const error: unknown = await call.then(
    () => "not refused",
    (refused: unknown) => refused,
  );
  const { code, details } = error as { code: number; details: string };
  const { reason, retryAfterMs } = errorDetails(error);
  return { code, details, reason, retryAfterMs };
}

/** What was told at a level that somebody looks at, without the time. */
const troubles = (of: Server, from = 0): string[] =>
  of.stdout.slice(from).flatMap((line) => / (?:warn|error) +(.*)/.exec(line)?.[1] ?? []);

const email = (value: string) => ({ case: "email" as const, value });
const isMoving = {
  code: 14,
  details: "The database is being moved to PostgreSQL and takes no changes until the move ends. Try again in 5 seconds.",
  reason: "UNAVAILABLE",
  retryAfterMs: 5_000,
};

describe("latchkey migrate --to", () => {
  let made: { readonly location: PostgresLocation; readonly user: string }[] = [];
  afterEach(async () => {
    for (const { location, user } of made) {
      await query(location, `REASSIGN OWNED BY ${user} TO CURRENT_USER`);
      await query(location, `DROP ROLE ${user}`);
    }
    made = [];
  });

  /** A role of its own, whose password is looked for in everything that is printed. */
  async function targetUrl(): Promise<{ url: string; location: PostgresLocation }> {
    const location = await databases.createEmpty();
    const user = `${location.database}_owner`;
    await query(location, `CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
    made.push({ location, user });
    await query(location, `ALTER DATABASE ${location.database} OWNER TO ${user}`);
    await query(location, `ALTER SCHEMA public OWNER TO ${user}`);
    return { url: urlOf({ ...location, user, password }), location };
  }

  it("moves a deployment while it is served: sessions, codes, limits and calls go on where they were", async () => {
    const { url, location } = await targetUrl();
    const ada = await signIn(server, "ada@example.com");
    await server.grpc.updateCurrentUser(
      { displayName: "Ada \\ Łovelace", updateMask: { paths: ["display_name"] } },
      bearer(ada.accessToken),
    );
    const key = "a-renewal-whose-reply-is-lost";
    const { tokens: renewed } = await server.grpc.refreshToken({ refreshToken: ada.refreshToken, idempotencyKey: key });
    const thief = await signIn(server, "stolen@example.com");
    const { tokens: second } = await server.grpc.refreshToken({ refreshToken: thief.refreshToken });
    await server.grpc.refreshToken({ refreshToken: second!.refreshToken });
    const revoked = await signIn(server, "revoked@example.com");
    await server.grpc.revokeToken({ token: revoked.refreshToken });
    const waiting = await sendCode(server, "grace@example.com");
    for (const n of [0, 1, 2, 3]) {
      const wrong = wrongCode(waiting.code, n);
      expect(await reasonOf(server.grpc.verifyOtp({ challengeId: waiting.challengeId, code: wrong }))).toBe("CODE_INVALID");
    }
    const exhausted = await sendCode(server, "edsger@example.com");
    for (const n of [0, 1, 2, 3, 4]) {
      const wrong = wrongCode(exhausted.code, n);
      await reasonOf(server.grpc.verifyOtp({ challengeId: exhausted.challengeId, code: wrong }));
    }
    const send = {
      identifier: email("twice@example.com"),
      createUserIfMissing: true,
      idempotencyKey: "a-send-whose-reply-is-lost",
    };
    const { challenge } = await server.grpc.sendOtp(send);
    const proof = { ...(await sendCode(server, "barbara@example.com")), idempotencyKey: "a-sign-in-whose-reply-is-lost" };
    const { sessionId } = await server.grpc.verifyOtp(proof);

    const { code, stdout, stderr } = await latchkey("migrate", "--to", url);
    expect([code, stderr]).toEqual([0, []]);
    expect(stdout[0]).toContain(
      `Moving latchkey.db to ${location.database} on 127.0.0.1:${location.hosts[0]!.port}: servers refuse writes`,
    );
    expect(stdout.join("\n")).toMatch(/^users +4 +4$/m);
    expect(stdout.join("\n")).toMatch(/^Moved in \d+\.\d s\. The move was complete \d+\.\d s after its first start\.$/m);

    expect(await refusalOf(server.grpc.refreshToken({ refreshToken: renewed!.refreshToken }))).toMatchObject({
      code: 14,
      details: "The database was moved to PostgreSQL and this server must be restarted on it. Try again in 5 seconds.",
    });
    expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(renewed!.accessToken)))).toBe("UNAVAILABLE");
    await server.stop();
    expect(await refusal(env, server.folder)).toMatch(
      /^This database was moved to PostgreSQL \(.*\): set LATCHKEY_DATABASE_URL to that database\.$/,
    );

    server = await server.restart({ LATCHKEY_DATABASE_URL: url });
    const { user } = await server.grpc.getCurrentUser({}, bearer(renewed!.accessToken));
    expect(user).toMatchObject({ displayName: "Ada \\ Łovelace", contacts: [{ value: "ada@example.com" }] });
    const again = await server.grpc.refreshToken({ refreshToken: ada.refreshToken, idempotencyKey: key });
    expect(again.tokens!.refreshToken).toBe(renewed!.refreshToken);
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: renewed!.refreshToken }))).toBeNull();
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: thief.refreshToken }))).toBe("REFRESH_TOKEN_REUSED");
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: revoked.refreshToken }))).toBe("SESSION_ENDED");
    expect((await server.grpc.verifyOtp(waiting)).isNewUser).toBe(true);
    expect(await reasonOf(server.grpc.verifyOtp(exhausted))).toBe("CODE_INVALID");
    expect((await server.grpc.sendOtp(send)).challenge!.challengeId).toBe(challenge!.challengeId);
    expect((await server.grpc.verifyOtp(proof)).sessionId).toBe(sessionId);
    await signIn(server, "new@example.com");
    expect((await latchkey("doctor")).stdout.join("\n")).toMatch(/^problem this database was moved to PostgreSQL/m);
    // Five processes are started, one after another.
  }, 60_000);

  it("takes the URL from a file as well, and refuses in a sentence that shows nothing of it", async () => {
    const { url, location } = await targetUrl();
    const file = join(server.folder, "url");
    writeFileSync(file, `${url}\n`);
    for (const [args, said] of [
      [["--to", `postgres://user:${password}@/`], "--to must be postgres://user:password@host"],
      [["--to", `sqlite:${password}`], "--to must be postgres://user:password@host"],
      [["--to-file", "nothing"], "--to-file nothing cannot be read."],
      [["--to", `${url}`.replace(password, `${password}-wrong`)], "PostgreSQL rejects the login"],
      [["--to", url, "--abort"], "cannot be used with option '--abort'"],
    ] as const) {
      expect(await sentenceOf("migrate", ...args)).toContain(said);
    }
    await signIn(server, "ada@example.com");
    expect(await sentenceOf("migrate", "--to-file", "-")).toContain("--to-file must be postgres://");
    const { code, stderr } = await latchkey("migrate", "--to-file", file);
    expect([code, stderr]).toEqual([0, []]);
    expect(await query(location, "SELECT count(*)::int AS users FROM users")).toEqual([{ users: 1 }]);
    expect(await sentenceOf("migrate", "--abort")).toMatch(/^The move to .* is complete and can't be cancelled/);
  });
});

describe("a server on a database that is being moved", () => {
  it("refuses the next write and answers reads, is not ready, says so once, and writes again after --abort", async () => {
    const ada = await signIn(server, "ada@example.com");
    const waiting = await sendCode(server, "grace@example.com");
    let serving: boolean | undefined;
    const health = watchHealth(server, (value) => {
      serving = value;
    });
    await until("health", () => serving);
    const ready = async () => (await get(`${server.httpUrl}/readyz`)).status;
    const lines = server.stdout.length;

    const db = database();
    markMoving(db, { moveId: "id", target: "somewhere", markedAt: Date.now() });
    expect(await refusalOf(server.grpc.refreshToken({ refreshToken: ada.refreshToken }))).toEqual(isMoving);
    for (const call of [
      () => server.grpc.verifyOtp(waiting),
      () => server.grpc.sendOtp({ identifier: email("new@example.com"), createUserIfMissing: true }),
      () => server.grpc.registerUser({ email: "new@example.com" }),
      () => server.grpc.revokeToken({ token: ada.refreshToken }),
      () => server.grpc.revokeOtherSessions({}, bearer(ada.accessToken)),
    ]) {
      expect(await refusalOf(call())).toEqual(isMoving);
    }
    expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(ada.accessToken)))).toBeNull();
    await until("not serving", () => serving === false || undefined);
    expect(await ready()).toBe(503);

    const restarted = await server.kill().then(() => server.restart());
    health.close();
    expect(troubles(server, lines)).toEqual([...new Set(troubles(server, lines))]);
    server = restarted;
    expect(await refusalOf(server.grpc.refreshToken({ refreshToken: ada.refreshToken }))).toEqual(isMoving);
    expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(ada.accessToken)))).toBeNull();
    expect(await ready()).toBe(503);

    expect((await latchkey("migrate", "--abort")).stdout.join()).toMatch(
      /^Cancelled the move: latchkey\.db takes writes again\. somewhere holds/,
    );
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: ada.refreshToken }))).toBeNull();
    expect(await reasonOf(server.grpc.verifyOtp(waiting))).toBeNull();
    await until("ready", async () => (await ready()) === 200 || undefined);
    expect((await latchkey("migrate", "--abort")).stdout).toEqual([
      "latchkey.db is not being moved: there is nothing to cancel.",
    ]);
    db.close();
  });

  it("keeps quiet while it is not called, its workers too", async () => {
    await sendCode(server, "ada@example.com");
    const db = database();
    markMoving(db, { moveId: "id", target: "somewhere", markedAt: Date.now() });
    await until("the refusal", () => server.stdout.find((line) => line.includes("not ready: ")));
    const metrics = /metrics=(\d+)/.exec(server.stdout.join("\n"))![1];
    const refused = async () => {
      const text = (await get(`http://127.0.0.1:${metrics}/metrics`)).body;
      return Number(/latchkey_store_errors_total\{operation="upkeep.sweep",[^}]*\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    await until("two sweeps that are refused", async () => (await refused()) >= 2 || undefined);
    expect(troubles(server)).toEqual([...new Set(troubles(server))]);
    clearMoving(db);
    await until("the recovery", () => server.stdout.find((line) => line.includes("can be used again")));
    markMoving(db, { moveId: "id", target: "somewhere", markedAt: Date.now() });
    markMoved(db, "id");
    await until("the end", () => server.stdout.filter((line) => line.includes("not ready: ")).length > 1 || undefined);
    expect(await server.stop()).toMatchObject({ code: 0, stderr: [] });
    db.close();
  });
});

describe("a backup of a database", () => {
  async function backUp(mark: "moving" | "moved"): Promise<void> {
    await signIn(server, "ada@example.com");
    await server.stop();
    const db = database();
    markMoving(db, { moveId: "move", target: "accounts on db.example.com:5432", markedAt: Date.now() });
    if (mark === "moved") markMoved(db, "move");
    db.close();
    expect((await latchkey("backup", "copy.db")).code).toBe(0);
  }

  it("that is being moved is restored as one that is served again, and the original stays what it is", async () => {
    await backUp("moving");
    const { code, stdout } = await latchkey("restore", "copy.db", "--force");
    expect(code).toBe(0);
    expect(stdout.join("\n")).toMatch(
      /made during a move to accounts on db\.example\.com:5432\. The restored database .* takes writes\./,
    );
    server = await startServer(env, { folder: server.folder });
    await signIn(server, "ada@example.com");
    const kept = openDatabase(join(server.folder, readdirSync(server.folder).find((name) => /before-\w+$/.test(name))!));
    expect(readMoveMark(kept)?.state).toBe("moving");
    kept.close();
  });

  it("is restored without running what the names in it say", async () => {
    await backUp("moving");
    const copy = openDatabase(join(server.folder, "copy.db"));
    const stranger = join(server.folder, "stranger.db");
    copy.exec(
      `CREATE TRIGGER "moving_x; ATTACH '${stranger}' AS a; CREATE TABLE a.t (i)" BEFORE INSERT ON users BEGIN SELECT 1; END`,
    );
    copy.close();
    expect((await latchkey("restore", "copy.db", "--force")).code).toBe(0);
    expect(existsSync(stranger)).toBe(false);
  });

  it("that was moved is not restored, and nothing is replaced", async () => {
    await backUp("moved");
    const lasting = () => readdirSync(server.folder).filter((name) => !/-(wal|shm)$/.test(name));
    const before = lasting();
    expect(await sentenceOf("restore", "copy.db", "--force")).toMatch(
      /move to accounts on .* is complete .*: serve that database/,
    );
    expect(lasting()).toEqual(before);
  });
});
