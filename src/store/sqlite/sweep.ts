import type { Database } from "better-sqlite3";
import type { Store } from "../store.js";
import type { Writer } from "./writer.js";

/** How long a challenge outlives its expiry, so that the log and idempotency can still tell what became of it. */
const keptMs = 60 * 60_000;

/** Each statement finds its rows by an index on the expiry, so a batch costs what it deletes and nothing more. */
export function createSweep(db: Database, writer: Writer): Pick<Store, "sweep"> {
  const statements = [
    {
      keptMs: 0,
      sql: "UPDATE challenges SET sealed_code = NULL WHERE rowid IN (SELECT rowid FROM challenges WHERE sealed_code IS NOT NULL AND expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs,
      sql: "DELETE FROM challenges WHERE rowid IN (SELECT rowid FROM challenges WHERE expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: 0,
      sql: "DELETE FROM registrations WHERE rowid IN (SELECT rowid FROM registrations WHERE expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: 0,
      sql: "DELETE FROM idempotency WHERE mac IN (SELECT mac FROM idempotency WHERE expires_at <= @before LIMIT @limit)",
    },
    { keptMs: 0, sql: "DELETE FROM budgets WHERE key IN (SELECT key FROM budgets WHERE expires_at <= @before LIMIT @limit)" },
    {
      keptMs: 0,
      sql: "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE idle_expires_at <= @before LIMIT @limit)",
    },
  ].map(({ keptMs, sql }) => ({ keptMs, statement: db.prepare<{ before: number; limit: number }>(sql) }));

  return {
    sweep: ({ now, limit }) =>
      writer.write(() => {
        let swept = 0;
        for (const { keptMs, statement } of statements) {
          if (swept < limit) swept += statement.run({ before: now - keptMs, limit: limit - swept }).changes;
        }
        return swept;
      }),
  };
}
