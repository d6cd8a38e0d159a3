import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Database } from "better-sqlite3";
import { connect } from "../../src/store/sqlite/connect.js";

/** What the database holds. */
export interface Snapshot {
  readonly integrity: string;
  readonly challenges: ReadonlyMap<string, StoredChallenge>;
  readonly users: ReadonlySet<string>;
  /** User by e-mail address. */
  readonly contacts: ReadonlyMap<string, string>;
  readonly sessions: ReadonlyMap<string, { readonly userId: string; readonly generation: number }>;
  /** What idempotency keys remember of redemptions. */
  readonly redemptions: readonly { readonly challengeId: string; readonly sessionId: string | null }[];
  readonly outbox: readonly StoredMessage[];
  /** Rows that are in another pool or app than what they belong to, a sentence each. */
  readonly misplaced: readonly string[];
}

export interface StoredMessage {
  readonly outboxId: number;
  readonly challengeId: string;
  readonly tries: number;
  /** While it is being sent, the end of the lease. */
  readonly dueAt: number;
}

export interface StoredChallenge {
  readonly contact: string | null;
  readonly attempts: number;
  readonly sends: number;
  readonly consumed: boolean;
  readonly cancelled: boolean;
  readonly hasSealedCode: boolean;
}

/** SQL for both engines: the sentences of `misplaced`. */
export const misplacedSql = `
  SELECT 'contact ' || o.value || ' in another pool than its user' AS what
    FROM contacts o JOIN users u ON u.user_id = o.user_id WHERE u.pool_id <> o.pool_id
  UNION ALL SELECT 'challenge ' || c.challenge_id || ' in another pool than its app'
    FROM challenges c LEFT JOIN apps a ON a.app_id = c.app_id WHERE a.pool_id IS NULL OR a.pool_id <> c.pool_id
  UNION ALL SELECT 'session ' || s.session_id || ' in another pool than its user'
    FROM sessions s LEFT JOIN apps a ON a.app_id = s.app_id JOIN users u ON u.user_id = s.user_id
    WHERE a.pool_id IS NULL OR a.pool_id <> u.pool_id
  UNION ALL SELECT 'membership of ' || m.user_id || ' in an app of another pool than its user'
    FROM memberships m LEFT JOIN apps a ON a.app_id = m.app_id LEFT JOIN users u ON u.user_id = m.user_id
    WHERE a.pool_id IS NULL OR u.pool_id IS NULL OR a.pool_id <> u.pool_id
  UNION ALL SELECT 'claim of ' || k.user_id || ' without a membership'
    FROM claims k WHERE NOT EXISTS (SELECT 1 FROM memberships m WHERE m.app_id = k.app_id AND m.user_id = k.user_id)
  UNION ALL SELECT 'client ' || c.client_id || ' of no app'
    FROM clients c WHERE NOT EXISTS (SELECT 1 FROM apps a WHERE a.app_id = c.app_id)
  UNION ALL SELECT 'secret ' || s.secret_id || ' of no client'
    FROM client_secrets s WHERE NOT EXISTS (SELECT 1 FROM clients c WHERE c.client_id = s.client_id)
  UNION ALL SELECT 'alias ' || l.alias || ' of no client'
    FROM client_aliases l WHERE NOT EXISTS (SELECT 1 FROM clients c WHERE c.client_id = l.client_id)`;

export function readSnapshot(path: string): Snapshot {
  return readCopy(path, readAll);
}

/** Reads a copy of the files that a dead server left, so that the server's own recovery of them is still to come. */
export function readCopy<T>(path: string, read: (db: Database) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-snapshot-"));
  const copy = join(folder, "latchkey.db");
  try {
    for (const suffix of ["", "-wal"]) if (existsSync(path + suffix)) copyFileSync(path + suffix, copy + suffix);
    const db = connect(copy);
    try {
      return read(db);
    } finally {
      db.close();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** SQL: the messages that wait, those that are put off included. */
export const bothOutboxes = `(
  SELECT outbox_id, challenge_id, tries, due_at FROM outbox
  UNION ALL SELECT outbox_id, challenge_id, tries, due_at FROM outbox_later) AS waiting`;

/** How many messages a running server has still to send. */
export function outboxLength(path: string): number {
  const db = connect(path, { readonly: true, timeout: 1_000 });
  try {
    return db.prepare<[], { count: number }>(`SELECT count(*) AS count FROM ${bothOutboxes}`).get()!.count;
  } finally {
    db.close();
  }
}

function readAll(db: Database): Snapshot {
  const rows = <T>(sql: string): T[] => db.prepare<[], T>(sql).all();
  const integrity = String(db.pragma("integrity_check", { simple: true }));
  const challenges = rows<StoredChallenge & { challengeId: string }>(`
    SELECT challenge_id AS challengeId, contact_value AS contact, attempts, sends, consumed_at IS NOT NULL AS consumed,
      cancelled_at IS NOT NULL AS cancelled, sealed_code IS NOT NULL AS hasSealedCode
    FROM challenges`);
  const sessions = rows<{ sessionId: string; userId: string; generation: number }>(
    "SELECT session_id AS sessionId, user_id AS userId, generation FROM sessions",
  );
  const outcomes = rows<{ outcome: string }>("SELECT outcome FROM idempotency").map(
    ({ outcome }) => JSON.parse(outcome) as { kind: string; challengeId: string; sessionId: string | null },
  );
  return {
    integrity,
    challenges: new Map(
      challenges.map(({ challengeId, consumed, cancelled, hasSealedCode, ...rest }) => [
        challengeId,
        { ...rest, consumed: Boolean(consumed), cancelled: Boolean(cancelled), hasSealedCode: Boolean(hasSealedCode) },
      ]),
    ),
    users: new Set(rows<{ userId: string }>("SELECT user_id AS userId FROM users").map(({ userId }) => userId)),
    contacts: new Map(
      rows<{ value: string; userId: string }>("SELECT value, user_id AS userId FROM contacts").map(({ value, userId }) => [
        value,
        userId,
      ]),
    ),
    sessions: new Map(sessions.map(({ sessionId, ...rest }) => [sessionId, rest])),
    redemptions: outcomes.filter(({ kind }) => kind === "redeemed"),
    outbox: rows(`SELECT outbox_id AS outboxId, challenge_id AS challengeId, tries, due_at AS dueAt FROM ${bothOutboxes}`),
    misplaced: rows<{ what: string }>(misplacedSql).map(({ what }) => what),
  };
}
