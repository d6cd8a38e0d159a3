import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../src/cli/main.js";
import { packageVersion } from "../../../src/lib/package-version.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { schemaVersion } from "../../../src/store/postgres/migrate.js";
import { startTestApp } from "../../support/app.js";
import { query, testDatabases, urlOf } from "../../support/postgres.js";

const databases = testDatabases();
let location: PostgresLocation;
let env: Readonly<Record<string, string>>;

beforeEach(async () => {
  location = await databases.createEmpty();
  env = {
    LATCHKEY_MODE: "development",
    LATCHKEY_DATABASE_URL: urlOf(location),
    LATCHKEY_PEPPER: randomBytes(32).toString("base64"),
    LATCHKEY_MASTER_KEY: randomBytes(32).toString("base64"),
    LATCHKEY_CODE_HASH: "fast",
  };
});

async function latchkey(...argv: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const text = { out: "", err: "" };
  const into = (stream: "out" | "err") => (line: string) => {
    text[stream] += `${line}\n`;
  };
  return { code: await run(argv, env, { out: into("out"), err: into("err"), confirm: async () => false }), ...text };
}

const versions = Array.from({ length: schemaVersion }, (_, before) => before + 1).join(", ");

describe("the command line on PostgreSQL", () => {
  it("migrate brings an empty database to this program's schema, once", async () => {
    const first = await latchkey("migrate");
    expect(first).toMatchObject({
      code: 0,
      err: "",
      out: `Applied ${versions}: the schema is at version ${schemaVersion}.\n`,
    });
    expect((await latchkey("migrate")).out).toBe(`Nothing to do: the schema is at version ${schemaVersion}.\n`);
  });

  it("a key command on an empty database says how to make one, and makes none", async () => {
    const { code, err } = await latchkey("keys", "list");
    expect(code).toBe(1);
    expect(err).toContain("There is no database at ");
    expect(await query(location, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  it("doctor looks at an empty, a right, a read-only and a newer database", async () => {
    expect((await latchkey("doctor")).out).toMatch(
      /ok +PostgreSQL \d+.* answers, with latchkey_test_\w+ on [\d.:]+\n[\s\S]*warning the schema is at version 0/,
    );
    const app = await startTestApp(env);
    await app.app.stop();
    const healthy = await latchkey("doctor");
    expect(healthy.code).toBe(0);
    expect(healthy.out).toContain(`ok      the schema is at version ${schemaVersion}\n`);
    expect(healthy.out).toContain("the configured keys are those of the database");
    await query(location, "INSERT INTO schema_migrations VALUES ($1, 0)", [schemaVersion + 1]);
    await query(location, `ALTER DATABASE ${location.database} SET default_transaction_read_only = on`);
    const wrong = await latchkey("doctor");
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain("problem the database is read-only");
    expect(wrong.out).toContain("run the newer program");
  });

  it("fleet lists the processes that serve the database, and doctor checks them; a process that stopped is listed no more", async () => {
    const { app, stop } = await startTestApp(env, { clock: Date.now });
    const listed = JSON.parse((await latchkey("fleet", "--json")).out) as Record<string, unknown>[];
    expect(listed).toEqual([
      {
        process_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        host: hostname(),
        pid: process.pid,
        addresses: [`127.0.0.1:${app.grpcPort}`, `127.0.0.1:${app.httpPort}`],
        version: packageVersion(),
        master_keys: ["1"],
        peppers: ["1"],
        current_master_key: "1",
        current_pepper: "1",
        started_at: expect.any(String),
        seen_at: expect.any(String),
        live: true,
      },
    ]);
    expect((await latchkey("fleet")).out).toMatch(/ master key 1 of 1, pepper 1 of 1, since \S+, live\n$/);
    expect((await latchkey("doctor")).out).toContain("ok      1 process serves the database: `latchkey fleet` lists them\n");
    await query(location, "UPDATE processes SET version = '0.0.1', master_keys = '9'");
    await query(
      location,
      "INSERT INTO processes SELECT 'other', host, 1, addresses, $1, '1', '1', '1', '1', 0, seen_at FROM processes",
      [packageVersion()],
    );
    const { out } = await latchkey("doctor");
    expect(out).toMatch(/^problem .* lacks LATCHKEY_MASTER_KEY id 1, the current key$/m);
    expect(out).toContain(`warning the processes that serve the database have versions ${packageVersion()} and 0.0.1\n`);
    await query(location, "DELETE FROM processes WHERE process_id = 'other'");
    await stop();
    expect((await latchkey("fleet")).out).toBe("No process serves this database.\n");
    expect((await latchkey("doctor")).out).toContain("ok      no process serves the database now\n");
  });

  it("doctor compares this machine's clock with the database server's", async () => {
    await latchkey("migrate");
    const real = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => real() - 5_000);
    const { code, out } = await latchkey("doctor").finally(() => vi.restoreAllMocks());
    expect(code).toBe(1);
    expect(out).toContain(
      "problem the clock of this machine is more than 1 s from the database server's: synchronize both with NTP\n",
    );
    expect((await latchkey("doctor")).code).toBe(0);
  });

  it("keys are listed and rotated", async () => {
    const app = await startTestApp(env);
    await app.app.stop();
    expect(await latchkey("keys", "rotate")).toMatchObject({ code: 0, err: "" });
    const { code, out } = await latchkey("keys", "list");
    expect(code).toBe(0);
    expect(out.match(/ES256/g)).toHaveLength(2);
  });

  describe("a master key that is lost, with 12,000 sessions that need it", () => {
    const newKeys = () => ({ ...env, LATCHKEY_MASTER_KEY: `2:${randomBytes(32).toString("base64")}` });
    const left = async (table: "sessions" | "keys") => (await query(location, `SELECT 1 FROM ${table}`)).length;

    beforeEach(async () => {
      await (await startTestApp(env)).stop();
      // A new key is added and promoted, and then the old one is lost.
      const { LATCHKEY_MASTER_KEY: rotated } = newKeys();
      await (await startTestApp({ ...env, LATCHKEY_MASTER_KEY: `${rotated},1:${env.LATCHKEY_MASTER_KEY}` })).stop();
      env = { ...env, LATCHKEY_MASTER_KEY: rotated };
      expect(await latchkey("keys", "promote", "2")).toMatchObject({ code: 0, err: "" });
      await query(
        location,
        `INSERT INTO sessions SELECT 's' || i, decode(lpad(to_hex(i), 32, '0'), 'hex'), '1', 'u', 'client', 0, NULL, '', '', 'email',
           0, 0, 9e15, 9e15, 9e15, 'default' FROM generate_series(1, 12000) AS i`,
      );
    });

    it("retires with them in batches, none of which has a time limit", async () => {
      await query(
        location,
        `CREATE FUNCTION unlimited() RETURNS BOOLEAN LANGUAGE plpgsql AS $$ BEGIN
           IF current_setting('statement_timeout') <> '0' THEN RAISE EXCEPTION 'too slow'; END IF;
           RETURN true;
         END $$;
         CREATE TABLE batches (revoked INTEGER);
         CREATE FUNCTION count_batch() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
           INSERT INTO batches SELECT count(*) FROM revoked;
           RETURN NULL;
         END $$;
         CREATE TRIGGER batch AFTER DELETE ON sessions REFERENCING OLD TABLE AS revoked EXECUTE FUNCTION count_batch();
         ALTER TABLE sessions RENAME TO all_sessions;
         CREATE VIEW sessions AS SELECT * FROM all_sessions WHERE unlimited()`,
      );
      const { code, out, err } = await latchkey("keys", "retire", "1", "--revoke-sessions");
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain("Revoked 12000 sessions.\n");
      const batches = await query<{ revoked: number }>(location, "SELECT revoked FROM batches WHERE revoked > 0");
      expect(batches.map(({ revoked }) => revoked)).toEqual([5_000, 5_000, 2_000]);
    });

    it("gives up no key when the sessions can't be revoked", async () => {
      const keys = await left("keys");
      expect(keys).toBeGreaterThan(0);
      await query(
        location,
        `CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
         CREATE TRIGGER refuse BEFORE DELETE ON sessions EXECUTE FUNCTION refuse()`,
      );
      expect(await latchkey("keys", "retire", "1", "--revoke-sessions")).toMatchObject({ code: 1, out: "" });
      expect(await left("keys")).toBe(keys);
    });
  });

  describe("what PostgreSQL refuses is told in one sentence with what to do, without the password:", () => {
    const password = "sensitive-word";
    const outcomesOf = async (changes: Partial<PostgresLocation>, sslmode = "disable") => {
      const url = urlOf({ ...location, password, ...changes }).replace("sslmode=disable", `sslmode=${sslmode}`);
      env = { ...env, LATCHKEY_DATABASE_URL: url };
      const texts: string[] = [];
      for (const argv of [["migrate"], ["keys", "list"], ["doctor"], ["config"]]) {
        const { code, out, err } = await latchkey(...argv);
        expect(out + err).not.toContain(password);
        if (argv[0] === "config") continue;
        expect(code).toBe(1);
        texts.push(out + err);
      }
      return texts;
    };

    it.each<[string, Partial<PostgresLocation>, string, RegExp]>([
      [
        "nobody listening",
        { hosts: [{ host: "127.0.0.1", port: 1 }] },
        "disable",
        /PostgreSQL can't be reached: .*LATCHKEY_DATABASE_URL.*\(PostgreSQL: .*ECONNREFUSED/,
      ],
      ["a wrong password", {}, "disable", /PostgreSQL rejects the login: .*LATCHKEY_DATABASE_URL/],
      ["a user that is not there", { user: "nobody" }, "disable", /PostgreSQL rejects the login: .*LATCHKEY_DATABASE_URL/],
      ["TLS that is off", {}, "require", /PostgreSQL has TLS off: .*sslmode=disable to LATCHKEY_DATABASE_URL/],
    ])("%s", async (_, changes, sslmode, message) => {
      for (const text of await outcomesOf(changes, sslmode)) expect(text).toMatch(message);
    });

    it("a database that is not there", async () => {
      for (const text of await outcomesOf({ database: "nothing", password: location.password })) {
        expect(text).toMatch(/PostgreSQL has no database with that name: create it with createdb, .*LATCHKEY_DATABASE_URL/);
      }
    });

    it("a user who may not make tables", async () => {
      const user = `guest_${randomBytes(8).toString("hex")}`;
      await query(location, `CREATE ROLE ${user} LOGIN PASSWORD '${password}'`);
      env = { ...env, LATCHKEY_DATABASE_URL: urlOf({ ...location, user, password }) };
      const { code, out, err } = await latchkey("migrate");
      await query(location, `DROP ROLE ${user}`);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toMatch(
        /^The user of LATCHKEY_DATABASE_URL .*lacks a privilege: make it the owner of the database, .*\(permission denied .*\)\.\n$/,
      );
      expect(err).not.toContain(password);
    });
  });
});
