import pg from "pg";
import { appId, clientId, day, emailOf, lives, ownerOf, poolId, ranges, sealedCodeBytes, userAgent } from "./shapes.mjs";

/** `database` is a URL. */
export async function open(database) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  return {
    fill: (how) => fill(client, how),
    sizes: () => sizes(client),
    families: (count) => families(client, count),
    close: () => client.end(),
  };
}

const past = (ms) => `$3::bigint - (random() * ${ms})::bigint`;
const bytes = (length) =>
  `substring(${Array.from({ length: Math.ceil(length / 16) }, () => "uuid_send(gen_random_uuid())").join(" || ")}, 1, ${length})`;
const randomId = `translate(rtrim(encode(${bytes(16)}, 'base64'), '='), '+/', '-_')`;
const numbers = (column) => `generate_series($1::bigint, $2::bigint - 1) AS ${column}`;

async function fill(client, { size, stride, now }) {
  const { users, sessions, challenges } = size;
  // Who is who, for the length of the filling.
  await client.query("CREATE UNLOGGED TABLE people (n BIGINT, user_id TEXT)");
  await inRanges(users, `INSERT INTO people SELECT n, gen_random_uuid()::text FROM ${numbers("n")} WHERE $3::bigint > 0`);
  await client.query("CREATE INDEX ON people (n)");
  await client.query("ANALYZE people");

  async function inRanges(count, sql) {
    for (const { from, to } of ranges(count)) await client.query(sql, [from, to, now]);
  }
  await inRanges(
    users,
    `INSERT INTO users (user_id, pool_id, username, display_name, locale, custom_attributes, created_at)
    SELECT user_id, '${poolId}', NULL, 'Person ' || n, 'en', '', ${past(lives.sessionMs)} FROM people WHERE n >= $1 AND n < $2`,
  );
  await inRanges(
    users,
    `INSERT INTO contacts (pool_id, kind, value, user_id, verified_at, rank)
    SELECT '${poolId}', 'email', ${emailOf("n", { users, stride })}, user_id, at, at
    FROM (SELECT n, user_id, ${past(lives.sessionMs)} AS at FROM people WHERE n >= $1 AND n < $2) AS p`,
  );
  await inRanges(
    users,
    `INSERT INTO memberships (app_id, user_id, number, roles, kind, owner_organization, app_attributes, credential_type, state, joined_at)
    SELECT '${appId}', u.user_id, u.number, '[]', '', a.owner_organization, '', 'otp', 'active', least(u.created_at, $3::bigint)
    FROM people p JOIN users u ON u.user_id = p.user_id JOIN apps a ON a.app_id = '${appId}' WHERE p.n >= $1 AND p.n < $2`,
  );
  await inRanges(
    sessions,
    `INSERT INTO sessions (session_id, family, key_id, user_id, app_id, client_id, generation, ip, user_agent, amr, created_at,
      last_used_at, idle_expires_at, expires_at, sweep_at)
    SELECT gen_random_uuid()::text, ${bytes(16)}, '1', p.user_id, '${appId}', '${clientId}', 0, '192.0.2.' || (i % 256), '${userAgent}',
      'latchkey:email', at, at, at + ${lives.sessionIdleMs}, at + ${lives.sessionMs},
      ((at + ${lives.sessionIdleMs}) / ${day} + 1) * ${day}
    FROM (SELECT i, ${past(lives.lastUsedMs)} AS at FROM ${numbers("i")}) AS s
    JOIN people p ON p.n = ${ownerOf("i", { users, count: sessions })}`,
  );
  await inRanges(
    challenges,
    `WITH made AS (
      INSERT INTO challenges (challenge_id, pool_id, app_id, client_id, purpose, channel, identifier_key, budget_key, requester_key, contact_kind,
        contact_value, user_id, decoy, masked_destination, locale, code_length, hash_profile, pepper_id, salt, tag, sealed_code,
        attempts, attempts_max, sends, sends_max, resend_times, resend_requesters, created_at, expires_at, resend_at)
      SELECT ${randomId}, '${poolId}', '${appId}', '${clientId}', 'login', 'email', ${bytes(16)}, ${bytes(16)}, ${bytes(16)}, 'email', ${emailOf("p.n", { users, stride })},
        p.user_id, false, 'p•••@example.com', 'en', 6, 'owasp', '1', ${bytes(16)}, ${bytes(32)}, ${bytes(sealedCodeBytes)},
        0, 5, 1, 5, '{}', '{}', $3::bigint, $3::bigint + ${lives.challengeMs} + (random() * 300000)::bigint, $3::bigint + 30000
      FROM ${numbers("i")} JOIN people p ON p.n = ${ownerOf("i", { users, count: challenges })}
      RETURNING identifier_key, budget_key, requester_key, created_at, resend_at
    ), locks AS (
      INSERT INTO send_locks (key, made_at) SELECT identifier_key || 'login'::bytea, created_at FROM made
    )
    -- What the send of each challenge was charged to: its requester's budget and the identifier's.
    INSERT INTO budgets (key, spent, hold_until, expires_at)
    SELECT key, ARRAY[created_at], resend_at, ((created_at + ${lives.budgetMs}) / 3600000 + 1) * 3600000
    FROM made, LATERAL (VALUES ('\\x01'::bytea || budget_key || requester_key), ('\\x02'::bytea || budget_key)) AS k (key)`,
  );
  await client.query("DROP TABLE people");
  // What autovacuum would do within minutes of so many inserts, so that it does not do it while something is measured.
  await client.query("VACUUM ANALYZE");
  await client.query("CHECKPOINT");
}

async function sizes(client) {
  const { rows } = await client.query(
    `SELECT relname AS name, pg_total_relation_size(oid)::float8 AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  );
  return Object.fromEntries(rows.map(({ name, bytes: size }) => [name, size]));
}

async function families(client, count) {
  const { rows } = await client.query("SELECT family FROM sessions ORDER BY random() LIMIT $1", [count]);
  return rows.map(({ family }) => family);
}
