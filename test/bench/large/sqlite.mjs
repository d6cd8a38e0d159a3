import { randomBytes, randomUUID } from "node:crypto";
import Database from "better-sqlite3";
import { appId, clientId, emailOf, lives, ownerOf, poolId, ranges, sealedCodeBytes, someOf, userAgent } from "./shapes.mjs";

/** `database` is the path of a file that no server has open. */
export function open(database) {
  const db = new Database(database);
  // Without a journal, and with memory for most of the pages that rows in no order touch: it is filled once, or made anew.
  db.unsafeMode();
  for (const mode of ["DELETE", "OFF"]) db.pragma(`journal_mode = ${mode}`);
  for (const pragma of ["locking_mode = EXCLUSIVE", "synchronous = OFF", "cache_size = -4000000"]) db.pragma(pragma);
  db.function("random_uuid", { deterministic: false }, () => randomUUID());
  db.function("random_id", { deterministic: false }, () => randomBytes(16).toString("base64url"));
  return {
    fill: (how) => fill(db, how),
    sizes: () => sizes(db),
    families: (count) => families(db, count),
    close: () => db.close(),
  };
}

const numbers = "WITH RECURSIVE numbers (i) AS (SELECT @from UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < @to)";
const past = (ms) => `@now - abs(random() % ${ms})`;

function fill(db, { size, stride, now }) {
  const { users, sessions, challenges } = size;
  const first = db.prepare("SELECT coalesce(max(number), 0) + 1 AS first FROM users").pluck().get();
  const statements = [
    [
      users,
      `INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
      ${numbers} SELECT random_uuid(), '${poolId}', NULL, 'Person ' || i, 'en', '', ${past(lives.sessionMs)} FROM numbers`,
    ],
    [
      users,
      `INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
      ${numbers} SELECT '${poolId}', 'email', ${emailOf("i", { users, stride })}, u.user_id, u.created_at, u.created_at
      FROM numbers CROSS JOIN users u ON u.number = ${first} + i`,
    ],
    [
      users,
      `INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, app_attributes, credential_type, state,
        joined_at)
      ${numbers} SELECT '${appId}', u.user_id, u.number, '[]', '', (SELECT owner_organization FROM apps WHERE app_id = '${appId}'), '',
        'otp', 'active', u.created_at
      FROM numbers CROSS JOIN users u ON u.number = ${first} + i`,
    ],
    [
      sessions,
      `INSERT INTO sessions (session_id, family, key_id, user_id, client_id, ip, user_agent, amr, created_at, last_used_at,
        idle_expires_at, expires_at)
      ${numbers}, used (i, at) AS MATERIALIZED (SELECT i, ${past(lives.lastUsedMs)} FROM numbers)
      SELECT random_uuid(), randomblob(16), '1', u.user_id, '${clientId}', '192.0.2.' || (i % 256), '${userAgent}',
        'latchkey:email', at, at, at + ${lives.sessionIdleMs}, at + ${lives.sessionMs}
      FROM used CROSS JOIN users u ON u.number = ${first} + ${ownerOf("i", { users, count: sessions })}`,
    ],
    [
      challenges,
      `INSERT INTO challenges (challenge_id, client_id, purpose, channel, identifier_key, requester_key, contact_kind,
        contact_value, user_id, decoy, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code,
        attempts_max, sends_max, created_at, expires_at, resend_at)
      ${numbers}, owners (i, n) AS (SELECT i, ${ownerOf("i", { users, count: challenges })} FROM numbers)
      SELECT random_id(), '${clientId}', 'login', 'email', randomblob(16), randomblob(16), 'email',
        ${emailOf("n", { users, stride })}, u.user_id, 0, 'p•••@example.com', 'en', 6, 'owasp', '1', randomblob(16),
        randomblob(32), randomblob(${sealedCodeBytes}), 5, 5, @now, @now + ${lives.challengeMs} + abs(random() % 300000), @now + 30000
      FROM owners CROSS JOIN users u ON u.number = ${first} + n`,
    ],
  ];
  for (const [count, sql] of statements) {
    const statement = db.prepare(sql);
    // Numbers would be bound as floating-point ones, and divided as such.
    const inRange = db.transaction(({ from, to }) => statement.run({ now: BigInt(now), from: BigInt(from), to: BigInt(to) }));
    for (const range of ranges(count)) inRange(range);
  }
  db.exec("UPDATE challenges SET budget_key = identifier_key");
  // What the send of each challenge was charged to: its requester's budget and the identifier's.
  for (const key of ["x'01' || budget_key || requester_key", "x'02' || budget_key"]) {
    db.prepare(
      `INSERT INTO budgets (key, spent, hold_until, expires_at)
      SELECT CAST(${key} AS BLOB), '[' || created_at || ']', resend_at, created_at + ${lives.budgetMs} FROM challenges`,
    ).run();
  }
}

function sizes(db) {
  const rows = db
    .prepare(
      `SELECT coalesce(s.tbl_name, p.name) AS name, sum(p.pgsize) AS bytes
      FROM dbstat p LEFT JOIN sqlite_schema s ON s.name = p.name WHERE p.aggregate = true GROUP BY 1`,
    )
    .all();
  return Object.fromEntries(rows.map(({ name, bytes }) => [name, bytes]));
}

function families(db, count) {
  const last = db.prepare("SELECT max(rowid) FROM sessions").pluck().get();
  const family = db.prepare("SELECT family FROM sessions WHERE rowid = ?").pluck();
  const rowids = new Set(count >= last ? Array.from({ length: last }, (_, n) => n) : someOf(last, count));
  return [...rowids].map((rowid) => family.get(rowid + 1));
}
