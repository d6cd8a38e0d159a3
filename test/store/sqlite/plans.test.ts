import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { MessageFilter } from "../../../src/store/port/messages.js";
import { openDatabase, openSqlite } from "../../../src/store/sqlite/sqlite.js";
import { appId, bytes, unique } from "../contract/fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();

/** Statements that may read a whole table, each with its reason. */
const scansAllowed: readonly (readonly [statement: string, reason: string])[] = [
  ["FROM pragma_table_info('schema_migrations')", "once, when the database is opened"],
  ["SELECT count(*) AS count FROM challenges", "only when an operator retires a key"],
  ["SELECT sent_at, message_id FROM route_judging", "at most one row"],
  ["sqlite_sequence", "one row a table with numbers, which SQLite itself keeps"],
  [
    "FROM (SELECT app_id FROM apps WHERE pool_id = @poolId UNION",
    "only for test identifiers; every process has all apps in memory",
  ],
  ["SELECT due_at FROM outbox ORDER BY outbox_id LIMIT 10000", "at most that many"],
  ["UPDATE sessions SET rotation_mac = NULL", "only when a backup is restored"],
  ["UPDATE messages SET status = 'expired'", "only when a backup is restored or the clock was set back"],
  ["min(value, @now) ORDER BY value) FROM json_each(spent)", "only when the clock was set back"],
  ["last_used_at = min(last_used_at, @now", "only when the clock was set back"],
];

/** Statements that may sort, each with its reason. */
const sortsAllowed: readonly (readonly [statement: string, reason: string])[] = [
  ["FROM sessions s WHERE user_id = @userId", "at most the live sessions of one user"],
  ["SELECT session_id FROM sessions s WHERE user_id", "at most the live sessions of one user"],
  ["json_group_array(json_array(o.kind, o.value, o.verified_at)", "the contacts of one user"],
  ["SELECT kind, value FROM contacts WHERE user_id", "the contacts of one user"],
  ["min(value, @now) ORDER BY value) FROM json_each(spent)", "the units of one budget"],
  ["ORDER BY c.created_at DESC, c.challenge_id DESC LIMIT 1", "the live challenges of one identifier"],
  ["ORDER BY l.created_at, l.user_id LIMIT 1", "the claims of one app to one contact"],
  ["ORDER BY is_test, is_own DESC, l.created_at, l.user_id LIMIT 1", "the claims of the apps of one pool to one contact"],
  ["ORDER BY own.created_at, own.value LIMIT 1", "the claims of one user"],
  ["FROM message_reports WHERE reference = @reference", "the reports that wait for one message"],
  ["ORDER BY reported_at DESC LIMIT -1 OFFSET", "the reports that wait for messages of one carrier, after a thousand new ones"],
  ["FROM challenges WHERE registration_id = ?", "the challenges of one registration"],
];

const isStatement = (sql: string): boolean => /^\s*(SELECT|INSERT|UPDATE|DELETE)/.test(sql);
const isAllowed = (list: typeof scansAllowed, sql: string): boolean => list.some(([statement]) => sql.includes(statement));

describe.each(["empty", "filled", "filled and analysed"])("on %s tables", (state) => {
  const path = join(directory, `${unique("plans")}.db`);
  let statements: string[];
  let walks: readonly (readonly [index: string, sql: string])[];
  let db: Database.Database;

  beforeAll(async () => {
    const prepared = vi.spyOn(Database.prototype, "prepare");
    const store = openSqlite({ path, inFlight: () => 0 });
    // Cold statements are prepared on their first use. This one reads messages every two seconds.
    await store.routes.judge({ now: 0, limit: 1 });
    statements = [...new Set(prepared.mock.calls.map(([sql]) => sql).filter(isStatement))];
    const walksOf = async (index: string, filter: MessageFilter) => {
      prepared.mockClear();
      await store.messages.list({ filter, before: 9, limit: 1 });
      return prepared.mock.calls
        .map(([sql]) => [index, sql] as const)
        .filter(([, sql]) => sql.includes("FROM messages m WHERE"));
    };
    const rest = { status: "failed", provider: "one", from: 1, to: 2 } as const;
    const [userId, contactKey] = ["u1", bytes("contact")];
    walks = [
      ...(await walksOf("messages_by_app (app_id=? AND message_id<?)", { appId, ...rest })),
      ...(await walksOf("messages_by_user (user_id=? AND message_id<?)", { appId, userId, ...rest })),
      ...(await walksOf("messages_by_contact (contact_key=? AND message_id<?)", { appId, contactKey, ...rest })),
    ];
    prepared.mockClear();
    await store.messages.stats({ appId, from: 1, to: 2, before: 9 });
    walks = [...walks, ["messages_by_app (app_id=? AND message_id<?)", prepared.mock.calls[0]![0]]];
    prepared.mockRestore();
    await store.close();
    db = openDatabase(path);
    if (state !== "empty") fill(db);
    if (state === "filled and analysed") db.exec("ANALYZE");
  });
  afterAll(() => db.close());

  function planOf(sql: string): string[] {
    const named = [...new Set(sql.match(/[@$]\w+/g) ?? [])].map((name) => [name.slice(1), null]);
    const count = sql.match(/\?/g)?.length ?? 0;
    const explain = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`);
    const rows = named.length > 0 ? explain.all(Object.fromEntries(named)) : explain.all(...Array(count).fill(null));
    return rows.map(({ detail }) => detail);
  }

  it("the engine prepares its hot statements when it opens, so all of them are looked at here", () => {
    expect(statements.length).toBeGreaterThan(40);
  });

  it("every hot statement finds its rows by an index", () => {
    const scanning = statements.filter((sql) => planOf(sql).some((step) => /^SCAN (?!CONSTANT ROW)/.test(step)));
    expect(scanning.filter((sql) => !isAllowed(scansAllowed, sql))).toEqual([]);
  });

  it("no hot statement reads all rows of an app or a pool", () => {
    const broad = statements.filter((sql) => planOf(sql).some((step) => /^SEARCH .*\((app_id|pool_id)=\?\)$/.test(step)));
    expect(broad).toEqual([]);
  });

  it("lists and statistics look at a limited number of messages, in the order of an index of whom they are about", () => {
    expect(walks).toHaveLength(4);
    for (const [index, sql] of walks) {
      const walked = /AS MATERIALIZED \((SELECT .* ORDER BY m\.message_id DESC LIMIT \?)\)/s.exec(sql)![1]!;
      expect(planOf(walked), sql).toEqual([`SEARCH m USING INDEX ${index}`]);
      expect(planOf(sql).filter((step) => step.includes("INDEX"))).toEqual([`SEARCH m USING INDEX ${index}`]);
    }
  });

  it("no hot statement sorts", () => {
    const sorting = statements.filter((sql) => planOf(sql).some((step) => step.includes("TEMP B-TREE")));
    expect(sorting.filter((sql) => !isAllowed(sortsAllowed, sql))).toEqual([]);
  });

  it("every exception is still needed", () => {
    for (const [statement] of [...scansAllowed, ...sortsAllowed]) {
      expect(
        statements.some((sql) => sql.includes(statement)),
        statement,
      ).toBe(true);
    }
  });
});

/** Rows as they come in numbers: many users and budgets, half of the challenges over, most codes erased. */
function fill(db: Database.Database): void {
  const rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)";
  db.exec(`
    BEGIN;
    INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
      ${rows} SELECT 'u' || i, 'main', 'name' || i, '', 'en', '', i FROM n;
    INSERT INTO contacts ${rows} SELECT 'main', iif(i % 3, 'email', 'phone'), 'value' || i, 'u' || i, i, i FROM n;
    INSERT INTO claims ${rows} SELECT 'default', 'email', 'claimed' || (i / 3), 'u' || i, i FROM n WHERE i % 5 = 0;
    INSERT INTO memberships ${rows} SELECT 'default', 'u' || i, i, '[]', '', '', iif(i % 2, 'x' || i, NULL), '', 'otp', 'active', i FROM n;
    INSERT INTO registrations ${rows} SELECT 'r' || i, randomblob(64), i * 1000 FROM n WHERE i % 10 = 0;
    INSERT INTO challenges (challenge_id, client_id, purpose, channel, identifier_key, budget_key, requester_key, contact_kind, contact_value,
        user_id, decoy, registration_id, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code,
        attempts_max, sends_max, created_at, expires_at, resend_at, consumed_at)
      ${rows} SELECT 'c' || i, 'client', 'login', 'email', randomblob(16), randomblob(16), randomblob(16), 'email', 'value' || i,
        iif(i % 2, 'u' || i, NULL), 0, iif(i % 10, NULL, 'r' || i), '', 'en', 6, 'fast', 'p', randomblob(16), randomblob(32),
        iif(i % 8, NULL, randomblob(40)), 5, 5, i * 1000, i * 1000 + 300000, 0, iif(i % 2, i, NULL) FROM n;
    INSERT INTO budgets ${rows} SELECT randomblob(17), '1,2,3', 0, i * 1000, 0, NULL, 1 FROM n;
    INSERT INTO lockouts ${rows} SELECT randomblob(17), 1, 0, i * 1000 FROM n;
    INSERT INTO outbox (challenge_id, due_at, queued_at, muted) ${rows} SELECT 'c' || i, i * 1000, i * 1000, i % 3 = 0 FROM n WHERE i % 20 = 0;
    INSERT INTO outbox_later (outbox_id, challenge_id, due_at, tries, carrier, unknowns, queued_at, muted)
      ${rows} SELECT 1000000 + i, 'c' || i, i * 1000, 1, 0, 0, i * 1000, i % 3 = 0 FROM n WHERE i % 20 = 1;
    INSERT INTO contact_changes ${rows}
      SELECT 'change' || i, 'main', 'default', 'u' || i, 'email', 'removed' || i, 'en', i % 2, i, i, i * 1000 FROM n;
    INSERT INTO messages ${rows} SELECT i, i * 1000, 'ref' || i, iif(i % 4, 'default', 'shop'), 'u' || (i % 1500), 'c' || i, 'login', 'sms', '',
      randomblob(32), 'SE', 'one', 'pm' || i, 'sent', '', '[]', 1, NULL, NULL, i, NULL, NULL, i % 8 = 0 FROM n;
    INSERT INTO idempotency ${rows} SELECT randomblob(32), '{}', i * 1000 FROM n;
    INSERT INTO sessions (session_id, family, key_id, user_id, client_id, ip, user_agent, amr, created_at, last_used_at,
        idle_expires_at, expires_at, app_id, credential_hash)
      ${rows} SELECT 's' || i, randomblob(16), 'k', 'u' || (i % 1500), 'client', '', '', 'sms', i, i, i * 2000, i * 3000,
        iif(i % 4, 'default', 'shop'), iif(i % 5, NULL, randomblob(32)) FROM n;
    COMMIT`);
}
