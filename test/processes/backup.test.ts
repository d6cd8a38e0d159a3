import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { bearer, reasonOf, sendCode, signIn } from "../serve/sign-in.js";
import {
  developmentEnv,
  type Env,
  endServers,
  killDuring,
  latchkeyBin,
  newFolder,
  newKey,
  runLatchkey,
  type Server,
  startServer,
} from "../support/server.js";

let env: Env;
let server: Server;

beforeEach(async () => {
  env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0" };
  server = await startServer(env);
});

afterEach(endServers);

const fileOf = (name: string) => join(server.folder, name);
const database = () => fileOf("latchkey.db");

async function ran(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runLatchkey(args, env, server.folder);
  expect([code, stderr]).toEqual([0, []]);
  return stdout.join("\n");
}

/** The sentence with which a command fails, having left nothing behind. */
async function refusedTo(args: readonly string[], with_: Env = env, folder = server.folder): Promise<string> {
  const before = readdirSync(folder).filter(isLasting);
  const { code, stdout, stderr } = await runLatchkey(args, with_, folder);
  expect({ code, stdout, lines: stderr.length }).toEqual({ code: 1, stdout: [], lines: 1 });
  expect(readdirSync(folder).filter(isLasting)).toEqual(before);
  return stderr[0]!;
}

/** SQLite's log comes and goes with the processes that have the database open. */
const isLasting = (name: string) => !/-(wal|shm)$/.test(name);

/** In the server's folder; `latchkey` stands for the program. */
function shell(script: string) {
  const options = { cwd: server.folder, env: { PATH: process.env.PATH, ...env } };
  return spawnSync("sh", ["-c", `latchkey() { '${process.execPath}' '${latchkeyBin}' "$@"; }\n${script}`], options);
}

function read<T>(path: string, work: (db: Database) => T): T {
  const db = connect(path, { readonly: true, fileMustExist: true });
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const count = (db: Database, table: string) => db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${table}`).get()!.n;

describe("latchkey backup", () => {
  it("copies one moment of a database that is written to all the time, for its owner alone", async () => {
    let stopped = false;
    let signedIn = 0;
    const load = Array.from({ length: 4 }, async (_, n) => {
      for (let round = 0; !stopped; round += 1) {
        await signIn(server, `person${n}-${round}@example.com`);
        signedIn += 1;
      }
    });
    const counts: number[] = [];
    for (const name of ["1.db", "2.db", "3.db"]) {
      const before = signedIn;
      expect(await ran("backup", name)).toBe(`Wrote ${name}: a complete backup, readable only by you, and not encrypted.`);
      expect(statSync(fileOf(name)).mode & 0o777).toBe(0o600);
      read(fileOf(name), (db) => {
        expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
        // A sign-in makes all of them in one commit.
        const made = ["users", "contacts", "sessions"].map((table) => count(db, table));
        expect(new Set(made).size).toBe(1);
        expect(made[0]).toBeGreaterThanOrEqual(before);
        counts.push(made[0]!);
      });
    }
    stopped = true;
    await Promise.all(load);
    expect(counts[2]).toBeGreaterThan(counts[0]!);
    expect(readdirSync(server.folder).filter((name) => /^\d\.db./.test(name) || name.endsWith(".part"))).toEqual([]);
  });

  it("replaces a file only when it is told to", async () => {
    writeFileSync(fileOf("kept.db"), "something else");
    expect(await refusedTo(["backup", "kept.db"])).toContain("--force");
    expect(readFileSync(fileOf("kept.db"), "utf8")).toBe("something else");
    await ran("backup", "kept.db", "--force");
    expect(read(fileOf("kept.db"), (db) => count(db, "users"))).toBe(0);
  });

  it("never takes the place of the database or of a part of it, by whatever name", async () => {
    await signIn(server, "ada@example.com");
    symlinkSync("latchkey.db", fileOf("symlink.db"));
    symlinkSync(".", fileOf("folder"));
    linkSync(database(), fileOf("hard.db"));
    linkSync(`${database()}-wal`, fileOf("hard-wal.db"));
    const inodes = () => ["latchkey.db", "latchkey.db-wal"].map((name) => statSync(fileOf(name)).ino);
    const before = inodes();
    const parts = ["", "-wal", "-shm", "-journal"].map((suffix) => `latchkey.db${suffix}`);
    const byOtherNames = [database(), "folder/latchkey.db-journal", "symlink.db", "hard.db", "hard-wal.db"];
    for (const args of [...parts.map((part) => [part]), ...[...parts, ...byOtherNames].map((target) => [target, "--force"])]) {
      expect(await refusedTo(["backup", ...args])).toBe(
        `${args[0]} is the database itself, or a part of it: name another file; nothing was changed.`,
      );
    }
    const throughLink = { ...env, LATCHKEY_DATABASE_URL: "sqlite:symlink.db" };
    expect(await refusedTo(["backup", "latchkey.db", "--force"], throughLink)).toContain("is the database itself");
    expect(inodes()).toEqual(before);
    const { refreshToken } = await signIn(server, "ada@example.com");
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBeNull();
    read(database(), (db) => expect([db.pragma("integrity_check", { simple: true }), count(db, "users")]).toEqual(["ok", 1]));
  });

  it("refuses in one sentence: no folder, a full disk, no database, a damaged one, PostgreSQL", async () => {
    expect(await refusedTo(["backup", "nowhere/backup.db"])).toMatch(/^There is no folder .*nowhere/);
    expect(await refusedTo(["backup", "backup.db"], env, newFolder())).toMatch(/^There is no database at /);
    const full = shell("latchkey backup - > /dev/full");
    expect([full.status, full.stderr.toString()]).toEqual([1, expect.stringMatching(/^Standard output did not .*ENOSPC.*\n$/)]);
    const limited = shell("ulimit -f 100; latchkey backup backup.db");
    expect([limited.status, limited.stderr.toString()]).toEqual([1, expect.stringMatching(/^The disk of .* full.*\n$/)]);
    expect(readdirSync(server.folder).filter((name) => name.startsWith("backup.db"))).toEqual([]);
    const postgres = { ...env, LATCHKEY_DATABASE_URL: "postgres://me:hidden@db.example.com/app?sslmode=verify-full" };
    expect(await refusedTo(["backup", "my backup"], postgres)).toBe(
      "Back up PostgreSQL with its own program: `pg_dump --format=custom --no-owner " +
        "--dbname='host=db.example.com port=5432 user=me dbname=app sslmode=verify-full' --file='my backup'`.",
    );
    await signIn(server, "ada@example.com");
    await server.stop();
    const bytes = readFileSync(database());
    bytes.fill(0x55, 4096 * 2, 4096 * 6);
    writeFileSync(database(), bytes);
    expect(await refusedTo(["backup", "backup.db"])).toMatch(/^The database is damaged/);
  });

  it("stopped half way leaves nothing", async () => {
    for (const ms of [100, 200, 250, 300, 350]) {
      const child = spawn(process.execPath, [latchkeyBin, "backup", "stopped.db", "--force"], { cwd: server.folder, env });
      setTimeout(() => child.kill("SIGTERM"), ms);
      await once(child, "close");
    }
    expect(readdirSync(server.folder).filter((name) => name.includes("part"))).toEqual([]);
  });

  it("is worth nothing without pepper and master key: no code, token or key is in it as it is", async () => {
    const { challengeId, code } = await sendCode(server, "waiting@example.com");
    const tokens = await signIn(server, "ada@example.com");
    await ran("backup", "stolen.db");
    const bytes = readFileSync(fileOf("stolen.db"));
    const secrets = [tokens.accessToken.split(".")[2]!, tokens.refreshToken, tokens.refreshToken.split(".").at(-1)!];
    for (const name of ["LATCHKEY_PEPPER", "LATCHKEY_MASTER_KEY"]) {
      const key = Buffer.from(env[name]!, "base64");
      for (const encoding of ["base64", "base64url", "hex", "latin1"] as const) secrets.push(key.toString(encoding));
    }
    for (const secret of secrets) expect(bytes.includes(Buffer.from(secret, "latin1"))).toBe(false);
    // Six digits may be found anywhere by chance, so not as bytes: no column is or holds the code.
    read(fileOf("stolen.db"), (db) => {
      const row = db.prepare<[string], object>("SELECT * FROM challenges WHERE challenge_id = ?").get(challengeId)!;
      for (const [column, value] of Object.entries(row)) {
        if (column !== "challenge_id" && typeof value === "string") expect(value).not.toContain(code);
        if (Buffer.isBuffer(value)) expect(value.includes(code)).toBe(false);
      }
      for (const { sealed } of db.prepare<[], { sealed: Buffer }>("SELECT sealed FROM keys").all()) {
        expect(sealed.includes('"d"')).toBe(false);
      }
    });
    // Who serves it with keys of their own is refused.
    const thief = newFolder();
    copyFileSync(fileOf("stolen.db"), join(thief, "latchkey.db"));
    const exit = await runLatchkey(["serve"], { ...env, LATCHKEY_MASTER_KEY: newKey(), LATCHKEY_PEPPER: newKey() }, thief);
    expect([exit.code, exit.stderr.join()]).toEqual([
      1,
      expect.stringContaining("is not the key that the database was made with"),
    ]);
  });
});

describe("latchkey restore", () => {
  const identifier = (value: string) => ({ case: "email" as const, value });

  it("brings users back, and nothing that the world has seen since: codes, sessions, tokens", async () => {
    const ada = await signIn(server, "ada@example.com");
    const spent = await sendCode(server, "grace@example.com");
    const waiting = await sendCode(server, "edsger@example.com");
    await ran("backup", "backup.db");
    const { tokens: next } = await server.grpc.refreshToken({ refreshToken: ada.refreshToken });
    await server.grpc.verifyOtp(spent);
    const { userId } = (await server.grpc.getCurrentUser({}, bearer(next!.accessToken))).user!;
    await server.stop();

    expect(await ran("restore", "backup.db", "--force")).toMatch(
      /^Restored .*latchkey\.db\. The previous database is kept as .*latchkey\.db\.before-\d+T\d+Z\.\nEnded 1 sessions and all open codes/,
    );
    const kept = readdirSync(server.folder).find((name) => name.startsWith("latchkey.db.before-"))!;
    expect(read(fileOf(kept), (db) => count(db, "users"))).toBe(2);
    expect(statSync(database()).mode & 0o777).toBe(0o600);

    server = await server.restart();
    for (const { refreshToken } of [ada, next!]) {
      expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
    }
    expect(await reasonOf(server.grpc.getCurrentUser({}, bearer(ada.accessToken)))).toBe("TOKEN_INVALID");
    for (const code of [spent, waiting]) expect(await reasonOf(server.grpc.verifyOtp(code))).toBe("CODE_INVALID");
    const { accessToken } = await signIn(server, "ada@example.com");
    expect((await server.grpc.getCurrentUser({}, bearer(accessToken))).user!.userId).toBe(userId);
    expect(await server.inbox("grace@example.com")).toEqual([]);
  });

  it("--keep-sessions keeps those of the backup, tells the risk, and signs out who refreshed since", async () => {
    const [quiet, busy, revoked] = [
      await signIn(server, "quiet@example.com"),
      await signIn(server, "busy@example.com"),
      await signIn(server, "revoked@example.com"),
    ];
    const waiting = await sendCode(server, "edsger@example.com");
    await ran("backup", "backup.db");
    const { tokens: newer } = await server.grpc.refreshToken({ refreshToken: busy.refreshToken });
    await server.grpc.revokeToken({ token: revoked.refreshToken });
    await server.stop();
    const told = await ran("restore", "backup.db", "--force", "--keep-sessions");
    for (const risk of ["revoked", "live again", "SESSION_LOST"]) expect(told).toContain(risk);

    server = await server.restart();
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: quiet.refreshToken }))).toBeNull();
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: newer!.refreshToken }))).toBe("SESSION_LOST");
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken: revoked.refreshToken }))).toBeNull();
    expect(await reasonOf(server.grpc.verifyOtp(waiting))).toBe("CODE_INVALID");
  });

  it("is refused while a server has the database open, even an idle one, and the server goes on", async () => {
    const { refreshToken } = await signIn(server, "ada@example.com");
    await ran("backup", "backup.db");
    expect(await refusedTo(["restore", "backup.db", "--force"])).toMatch(/latchkey\.db is in use: stop the service/);
    expect(await refusedTo(["restore", "--in-place", "--yes"])).toMatch(/latchkey\.db is in use/);
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBeNull();
  });

  it("refuses before anything is replaced: wrong keys, damage, another file, a newer schema, a database in the way", async () => {
    const { refreshToken } = await signIn(server, "ada@example.com");
    await ran("backup", "good.db");
    await server.stop();
    expect(await refusedTo(["restore", "good.db"])).toMatch(/^There is a database at .*--force/);
    for (const name of ["LATCHKEY_MASTER_KEY", "LATCHKEY_PEPPER"]) {
      const other = { ...env, [name]: newKey() };
      expect(await refusedTo(["restore", "good.db", "--force"], other)).toContain(`${name} id 1 is not the key`);
    }
    copyFileSync(fileOf("good.db"), fileOf("bad.db"));
    truncateSync(fileOf("bad.db"), Math.floor(statSync(fileOf("bad.db")).size / 2));
    expect(await refusedTo(["restore", "bad.db", "--force"])).toMatch(/^bad\.db is damaged.*: nothing was changed\.$/);
    writeFileSync(fileOf("text.db"), "age-encryption.org/v1\n".repeat(100));
    expect(await refusedTo(["restore", "text.db", "--force"])).toMatch(/is not a SQLite database \(decrypt it first/);
    const newer = connect(fileOf("good.db"));
    newer.prepare("INSERT INTO schema_migrations (version, applied_at) VALUES (999, 0)").run();
    newer.close();
    expect(await refusedTo(["restore", "good.db", "--force"])).toContain("schema version 999");
    expect(await refusedTo(["restore", "nothing.db", "--force"])).toBe("There is no file nothing.db.");
    const neither = await runLatchkey(["restore"], env, server.folder);
    expect([neither.code, neither.stderr.join()]).toEqual([1, expect.stringContaining("--in-place")]);
    server = await server.restart();
    expect(await reasonOf(server.grpc.refreshToken({ refreshToken }))).toBeNull();
  });

  it("puts a backup where there is none, and in the place of a damaged database", async () => {
    await signIn(server, "ada@example.com");
    await ran("backup", "backup.db");
    await server.stop();
    writeFileSync(database(), "no database any more ".repeat(1000));
    await ran("restore", "backup.db", "--force");
    expect(read(database(), (db) => count(db, "users"))).toBe(1);
    const elsewhere = newFolder();
    copyFileSync(fileOf("backup.db"), join(elsewhere, "backup.db"));
    expect((await runLatchkey(["restore", "backup.db"], env, elsewhere)).code).toBe(0);
    server = await startServer(env, { folder: elsewhere });
    await server.grpc.sendOtp({ identifier: identifier("ada@example.com") });
  });

  it("killed at any moment, there is the old database or the new one", async () => {
    await signIn(server, "ada@example.com");
    await ran("backup", "backup.db");
    await signIn(server, "grace@example.com");
    await server.stop();
    for (const ms of [150, 250, 300, 350, 400, 450]) {
      await killDuring(["restore", "backup.db", "--force"], env, server.folder, ms);
      read(database(), (db) => expect([1, 2]).toContain(count(db, "users")));
    }
  });

  it("both go through a pipe that encrypts; of a broken one nothing is restored", async () => {
    await signIn(server, "ada@example.com");
    const cipher = "openssl enc -aes-256-ctr -pbkdf2 -pass pass:test";
    const piped = shell(`latchkey backup - | ${cipher} -out backup.enc`);
    expect([piped.status, piped.stdout.length, piped.stderr.toString()]).toEqual([0, 0, ""]);
    expect(readFileSync(fileOf("backup.enc")).includes("ada@example.com")).toBe(false);
    await server.stop();
    const cut = shell(`${cipher} -d -in backup.enc | head -c 30000 | latchkey restore - --force`);
    expect([cut.status, cut.stderr.toString()]).toEqual([1, expect.stringMatching(/nothing was changed\.\n$/)]);
    const restored = shell(`${cipher} -d -in backup.enc | latchkey restore - --force`);
    expect([restored.status, restored.stderr.toString()]).toEqual([0, ""]);
    expect(existsSync(`${database()}-wal`)).toBe(false);
    expect(read(database(), (db) => [count(db, "users"), count(db, "sessions")])).toEqual([1, 0]);
  });
});
