import type pg from "pg";
import { bothOutboxes, misplacedSql, type Snapshot, type StoredChallenge, type StoredMessage } from "./snapshot.js";

/** Reads all tables at one moment: `client` is in a transaction of isolation level REPEATABLE READ. */
export async function readPostgresSnapshot(client: pg.Client): Promise<Snapshot> {
  const rows = async <T>(sql: string): Promise<T[]> => (await client.query(sql)).rows as T[];
  const challenges = await rows<StoredChallenge & { challengeId: string }>(`
    SELECT challenge_id AS "challengeId", contact_value AS contact, attempts, sends, consumed_at IS NOT NULL AS consumed,
      cancelled_at IS NOT NULL AS cancelled, sealed_code IS NOT NULL AS "hasSealedCode"
    FROM challenges`);
  const users = await rows<{ userId: string }>(`SELECT user_id AS "userId" FROM users`);
  const contacts = await rows<{ value: string; userId: string }>(`SELECT value, user_id AS "userId" FROM contacts`);
  const sessions = await rows<{ sessionId: string; userId: string; generation: number }>(
    `SELECT session_id AS "sessionId", user_id AS "userId", generation::float8 AS generation FROM sessions`,
  );
  return {
    // Nobody kills PostgreSQL here.
    integrity: "ok",
    challenges: new Map(challenges.map(({ challengeId, ...rest }) => [challengeId, rest])),
    users: new Set(users.map(({ userId }) => userId)),
    contacts: new Map(contacts.map(({ value, userId }) => [value, userId])),
    sessions: new Map(sessions.map(({ sessionId, ...rest }) => [sessionId, rest])),
    redemptions: await rows(`
      SELECT challenge_ids[1] AS "challengeId", session_id AS "sessionId" FROM idempotency WHERE kind = 'redeemed'`),
    outbox: await rows<StoredMessage>(`
      SELECT outbox_id::float8 AS "outboxId", challenge_id AS "challengeId", tries, due_at::float8 AS "dueAt"
      FROM ${bothOutboxes}`),
    misplaced: (await rows<{ what: string }>(misplacedSql)).map(({ what }) => what),
  };
}
