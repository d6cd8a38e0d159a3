import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { run } from "../../../src/cli/main.js";
import type { PostgresLocation } from "../../../src/store/postgres/connection.js";
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
  return { code: await run(argv, env, { out: into("out"), err: into("err") }), ...text };
}

describe("the command line on PostgreSQL", () => {
  it("migrate brings an empty database to this program's schema, once", async () => {
    const first = await latchkey("migrate");
    expect(first).toMatchObject({ code: 0, err: "", out: `Applied 1, 2: the schema is at version ${schemaVersion}.\n` });
    expect((await latchkey("migrate")).out).toBe(`Nothing to do: the schema is at version ${schemaVersion}.\n`);
  });

  it("a key command on an empty database says how to make one, and makes none", async () => {
    const { code, err } = await latchkey("keys", "list");
    expect(code).toBe(1);
    expect(err).toContain("There is no database at ");
    expect(await query(location, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  it("doctor looks at an empty, a right, a read-only and a newer database", async () => {
    expect((await latchkey("doctor")).out).toMatch(/ok +PostgreSQL \d+.* answers\n[\s\S]*warning the schema is at version 0/);
    const app = await startTestApp(env);
    await app.app.stop();
    const healthy = await latchkey("doctor");
    expect(healthy.code).toBe(0);
    expect(healthy.out).toContain(`ok      the schema is at version ${schemaVersion}\n`);
    expect(healthy.out).toContain("the keys are those of the database");
    await query(location, "INSERT INTO schema_migrations VALUES ($1, 0)", [schemaVersion + 1]);
    await query(location, `ALTER DATABASE ${location.database} SET default_transaction_read_only = on`);
    const wrong = await latchkey("doctor");
    expect(wrong.code).toBe(1);
    expect(wrong.out).toContain("problem the database is read-only");
    expect(wrong.out).toContain("run the newer program");
  });

  it("doctor compares this machine's clock with the database server's", async () => {
    await latchkey("migrate");
    const real = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => real() - 5_000);
    const { code, out } = await latchkey("doctor").finally(() => vi.restoreAllMocks());
    expect(code).toBe(1);
    expect(out).toContain("problem the clock of this machine is more than 1 s from the database server's: set both by NTP\n");
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

  it("a server that does not answer is told in one sentence, without the password", async () => {
    env = { ...env, LATCHKEY_DATABASE_URL: urlOf({ ...location, port: 1, password: "sensitive-word" }) };
    for (const argv of [["migrate"], ["keys", "list"], ["doctor"], ["config"]]) {
      const { out, err } = await latchkey(...argv);
      expect(out + err).not.toContain("sensitive-word");
      if (argv[0] !== "config") expect(out + err).toMatch(/PostgreSQL: connect ECONNREFUSED/);
    }
  });
});
