import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { nameOf } from "../../src/store/open.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { postgresOfMachine } from "../interop/support/postgres-of-machine.js";
import { reasonOf, sendCode, signIn } from "../serve/sign-in.js";
import { directly, locationOf, query, testDatabases, urlOf } from "../support/postgres.js";
import {
  developmentEnv,
  type Env,
  endServers,
  newFolder,
  newKey,
  runLatchkey,
  type Server,
  startServer,
} from "../support/server.js";

const databases = testDatabases();

describe("a PostgreSQL database that was brought back", () => {
  let env: Env;
  let original: PostgresLocation;
  let server: Server;

  beforeEach(async () => {
    original = await databases.create();
    env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0", LATCHKEY_DATABASE_URL: urlOf(original) };
    server = await startServer(env);
  });
  afterEach(endServers);

  /** Has a user with a session and a waiting code, brings the database back elsewhere, and looks what is left of both. */
  async function expectEnded(bringBack: () => Promise<PostgresLocation>): Promise<void> {
    const { refreshToken } = await signIn(server, "ada@example.com");
    const waiting = await sendCode(server, "grace@example.com");
    await server.stop();
    const restored: Env = { ...env, LATCHKEY_DATABASE_URL: urlOf(await bringBack()) };

    const wrong = await runLatchkey(["restore", "--in-place", "--yes"], { ...restored, LATCHKEY_MASTER_KEY: newKey() });
    expect([wrong.code, wrong.stderr.join()]).toEqual([1, expect.stringContaining("LATCHKEY_MASTER_KEY id 1 is not the key")]);
    const unasked = await runLatchkey(["restore", "--in-place"], restored);
    expect([unasked.code, unasked.stdout, unasked.stderr]).toEqual([
      1,
      [],
      [
        expect.stringMatching(
          /^This ends all sessions and codes in \S+ on .*\. Add --yes if that is what you want; nothing was changed\.$/,
        ),
      ],
    ]);
    const { code, stdout, stderr } = await runLatchkey(["restore", "--in-place", "--yes"], restored);
    const place = nameOf(locationOf(restored.LATCHKEY_DATABASE_URL!));
    const ended = `Ended 1 sessions and all open codes in ${place}: all users must sign in again.`;
    expect([code, stdout, stderr]).toEqual([0, [ended], []]);

    server = await startServer(restored);
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
    expect(await reasonOf(server.grpc.verifyOtp(waiting))).toBe("CODE_INVALID");
    await signIn(server, "ada@example.com");
    const location = { ...original, database: new URL(restored.LATCHKEY_DATABASE_URL!).pathname.slice(1) };
    expect(await query(location, "SELECT count(*)::int AS users FROM users")).toEqual([{ users: 1 }]);
  }

  it("keeps its users and nothing that the world has seen since", async () => {
    await expectEnded(async () => {
      const copy = await databases.createEmpty();
      const admin = { ...original, database: "postgres" };
      await query(admin, `DROP DATABASE ${copy.database}`);
      // A pooler keeps connections to a database that is in use no more.
      const used = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
      await query(admin, used, [original.database]);
      await query(admin, `CREATE DATABASE ${copy.database} TEMPLATE ${original.database}`);
      return copy;
    });
  });

  it("is left as it is while a service has it open, and taken when that has stopped", async () => {
    const { refreshToken } = await signIn(server, "ada@example.com");
    const refused = await runLatchkey(["restore", "--in-place", "--yes"], env);
    expect([refused.code, refused.stdout, refused.stderr]).toEqual([
      1,
      [],
      [expect.stringMatching(/^Stop the service first: Latchkey has [1-9]\d* open connections to this database/)],
    ]);
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBeNull();
    await server.stop();
    const { code, stderr } = await runLatchkey(["restore", "--in-place", "--yes"], env);
    expect([code, stderr]).toEqual([0, []]);
  });

  it("comes from pg_dump and pg_restore, by the commands that `backup` and `restore` print", async (context) => {
    const reason = await unfit(original);
    const older = reason === null ? null : await postgresOfMachine();
    if (typeof older === "string") {
      if (process.env.CI === "true") throw new Error(`${reason}; ${older}`);
      return context.skip(`${reason}; ${older}`);
    }
    let createEmpty = databases.createEmpty;
    if (older !== null) {
      onTestFinished(() => older.stop());
      createEmpty = () => createOn(locationOf(older.url));
      await server.stop();
      original = await createEmpty();
      env = { ...env, LATCHKEY_DATABASE_URL: urlOf(original) };
      server = await startServer(env);
    }
    const folder = newFolder();
    await expectEnded(async () => {
      await runPrinted(["backup", "latchkey.dump"], urlOf(directly(original)), folder);
      const empty = await createEmpty();
      await runPrinted(["restore", "latchkey.dump"], urlOf(directly(empty)), folder);
      return empty;
    });
  });

  async function runPrinted(args: readonly string[], url: string, folder: string): Promise<void> {
    const { code, stderr } = await runLatchkey(args, { ...env, LATCHKEY_DATABASE_URL: url }, folder);
    expect([code, stderr.length]).toEqual([1, 1]);
    const command = /`(pg_[^`]+)`/.exec(stderr[0]!)![1]!;
    await promisify(execFile)("sh", ["-c", command], {
      cwd: folder,
      env: { PATH: process.env.PATH, PGPASSWORD: original.password },
    });
  }
});

async function createOn(server: PostgresLocation): Promise<PostgresLocation> {
  const database = `latchkey_${randomBytes(8).toString("hex")}`;
  await query({ ...server, database: "postgres" }, `CREATE DATABASE ${database} TEMPLATE template0`);
  return { ...server, database };
}

/** Why pg_dump can't be used with the tests' server; null: it can. It refuses servers that are newer than itself. */
async function unfit(location: PostgresLocation): Promise<string | null> {
  const [row] = await query<{ version: number }>(
    location,
    "SELECT current_setting('server_version_num')::int / 10000 AS version",
  );
  try {
    const own = Number(/\b(\d+)\./.exec(execFileSync("pg_dump", ["--version"], { encoding: "utf8" }))?.[1]);
    return own >= row!.version ? null : `pg_dump ${own} is older than the server, ${row!.version}`;
  } catch {
    return "there is no pg_dump";
  }
}
