import { existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { developmentEnv, type Env, endServers, newFolder, newKey, runLatchkey, startServer, until } from "../support/server.js";
import { refusal, refusedStart } from "./refusals.js";

/** A database with a user in it, made by a server and closed in order. */
let template: Buffer;
const env = developmentEnv();
const email = "ada@example.com";

beforeAll(async () => {
  const server = await startServer(env);
  const { challenge } = await server.grpc.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
  const [message] = await server.inbox(email);
  await server.grpc.verifyOtp({ challengeId: challenge!.challengeId, code: message!.code });
  const path = join(server.folder, "latchkey.db");
  // Any server notes redemptions on messages. None is left for the servers of the tests.
  await until("the note of the redemption", () => (isNoted(path) ? true : undefined));
  await server.stop();
  template = readFileSync(path);
});

afterAll(endServers);

function isNoted(path: string): boolean {
  const db = connect(path);
  const count = db.prepare<[], number>("SELECT count(*) FROM messages WHERE verified_at IS NOT NULL").pluck().get();
  db.close();
  return count === 1;
}

function folderWith(database: Buffer): { readonly folder: string; readonly path: string } {
  const folder = newFolder();
  const path = join(folder, "latchkey.db");
  writeFileSync(path, database);
  return { folder, path };
}

/** The refusal left the file as it was. */
function expectUnharmed(path: string): void {
  expect(readFileSync(path).equals(template)).toBe(true);
}

/** Every row but the mark of the clock, which a start that got as far as the doors has moved. */
function contentsOf(path: string): Record<string, unknown[]> {
  const db = connect(path);
  const names = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'clock_mark'").pluck();
  const contents = Object.fromEntries(names.all().map((name) => [name, db.prepare(`SELECT * FROM ${name}`).all()]));
  db.close();
  return contents;
}

describe.concurrent("a start is refused in one sentence, and nothing is damaged, with", () => {
  it.each<[string, () => Env, RegExp]>([
    [
      "a wrong master key",
      () => ({ LATCHKEY_MASTER_KEY: newKey() }),
      /LATCHKEY_MASTER_KEY id 1 is not the key that the database was made with/,
    ],
    [
      "a wrong pepper",
      () => ({ LATCHKEY_PEPPER: newKey() }),
      /LATCHKEY_PEPPER id 1 is not the key that the database was made with/,
    ],
    [
      "a lost master key",
      () => ({ LATCHKEY_MASTER_KEY: `k2:${newKey()}` }),
      /LATCHKEY_MASTER_KEY id 1, which is not configured/,
    ],
    ["a lost pepper", () => ({ LATCHKEY_PEPPER: `k2:${newKey()}` }), /LATCHKEY_PEPPER id 1, which is not configured/],
  ])("%s", async (_, changed, sentence) => {
    const made = folderWith(template);
    expect(await refusal({ ...env, ...changed() }, made.folder)).toMatch(sentence);
    expectUnharmed(made.path);
  });

  it("development's secrets lost: no new ones are written", async () => {
    const made = folderWith(template);
    const { LATCHKEY_PEPPER: _pepper, LATCHKEY_MASTER_KEY: _master, ...bare } = env;
    expect(await refusal(bare, made.folder)).toMatch(
      /^\.latchkey\/pepper and \.latchkey\/master-key are missing, and the database latchkey\.db was made with them: restore them .* or delete the database/,
    );
    expectUnharmed(made.path);
    expect(existsSync(join(made.folder, ".latchkey"))).toBe(false);
  });

  it("a schema newer than the program", async () => {
    const made = folderWith(template);
    const db = connect(made.path);
    db.exec("INSERT INTO schema_migrations (version, applied_at) VALUES (9999, 0)");
    db.close();
    const before = readFileSync(made.path);
    expect(await refusal(env, made.folder)).toMatch(
      /schema version 9999, and this program knows versions up to \d+: run the newer program/,
    );
    expect(readFileSync(made.path).equals(before)).toBe(true);
  });

  it("a file that is no database", async () => {
    const text = Buffer.from("this is no database, it only looks like a file\n".repeat(200));
    const { folder, path } = folderWith(text);
    expect(await refusal(env, folder)).toMatch(/not a SQLite database/);
    expect(readFileSync(path).equals(text)).toBe(true);
  });

  it("a database that was cut off", async () => {
    const { folder, path } = folderWith(template);
    truncateSync(path, template.length / 2);
    const before = readFileSync(path);
    expect(await refusal(env, folder)).toMatch(/damaged: restore a backup|malformed/);
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it.each<[string, (folder: string) => string, RegExp]>([
    [
      "a directory in the database's place",
      (folder) => makeDirectory(join(folder, "place")),
      /LATCHKEY_DATABASE_URL does not name a directory/,
    ],
    [
      "a database in a directory that is not there",
      (folder) => join(folder, "nowhere", "latchkey.db"),
      /directory .*LATCHKEY_DATABASE_URL/,
    ],
    [
      "a database below a file",
      (folder) => join(makeFile(join(folder, "file")), "latchkey.db"),
      /directory .*LATCHKEY_DATABASE_URL/,
    ],
    ["a database where nobody may write", () => "/proc/latchkey.db", /database|directory/],
  ])("%s", async (_, place, sentence) => {
    const folder = newFolder();
    const path = place(folder);
    expect(await refusal({ ...env, LATCHKEY_DATABASE_URL: `sqlite:${path}` }, folder)).toMatch(sentence);
  });

  it.each(["GRPC", "HTTP", "INBOX"])("a taken %s port", async (door) => {
    const holder = createServer();
    const port = await new Promise<number>((resolve) =>
      holder.listen(0, "127.0.0.1", () => resolve((holder.address() as { port: number }).port)),
    );
    const made = folderWith(template);
    const taken = { ...env, [`LATCHKEY_${door}_LISTEN`]: `127.0.0.1:${port}` };
    const { stderr, stdout } = await refusedStart(taken, made.folder);
    expect(stdout.join("\n")).not.toMatch(/serving|error/);
    expect(stderr).toHaveLength(1);
    expect(stderr[0]).toMatch(/uses a listen address/);
    expect(stderr[0]).toContain(String(port));
    holder.close();
    expect(contentsOf(made.path)).toEqual(contentsOf(folderWith(template).path));
  });
});

it("after refusals the same file opens with the right settings, and the user is there", async () => {
  const { folder, path } = folderWith(template);
  await refusal({ ...env, LATCHKEY_MASTER_KEY: newKey() }, folder);
  const server = await startServer(env, { folder });
  expect((await server.stop()).code).toBe(0);
  const db = connect(path, { readonly: true });
  expect(db.prepare("SELECT value FROM contacts").all()).toEqual([{ value: email }]);
  db.close();
});

it("after a refusal the other commands refuse the same way, and none makes a database by mistake", async () => {
  const { folder } = folderWith(template);
  const wrong = { ...env, LATCHKEY_MASTER_KEY: newKey() };
  const rotated = await runLatchkey(["keys", "rotate"], wrong, folder);
  expect(rotated).toMatchObject({ code: 1, stdout: [] });
  expect(rotated.stderr[0]).toMatch(/not the key that the database was made with/);
  const elsewhere = newFolder();
  expect((await runLatchkey(["keys", "list"], env, elsewhere)).code).toBe(1);
  expect(existsSync(join(elsewhere, "latchkey.db"))).toBe(false);
});

function makeDirectory(path: string): string {
  mkdirSync(path);
  return path;
}

function makeFile(path: string): string {
  writeFileSync(path, "");
  return path;
}
