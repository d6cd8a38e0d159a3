import type { Database } from "better-sqlite3";
import type { Store } from "../port/store.js";
import type { ExpiredChallenge } from "../port/upkeep.js";
import { deletionsKeptMs, endedSecretsKeptMs, keptAfterExpiryMs } from "../rules/kept.js";
import type { Writer } from "./writer.js";

interface Batch {
  readonly before: number;
  readonly limit: number;
}

type SweptChallenge = ExpiredChallenge & { readonly expired: number };

const unredeemed = "decoy = 0 AND consumed_at IS NULL AND cancelled_at IS NULL";

/** Each statement finds its rows by an index on the expiry, so a batch costs only what it deletes. */
export function createSweep(db: Database, writer: Writer): Pick<Store["upkeep"], "sweep"> {
  const ofChallenges = [
    {
      keptMs: 0,
      sql: `UPDATE challenges SET sealed_code = NULL
        WHERE rowid IN (SELECT rowid FROM challenges WHERE sealed_code IS NOT NULL AND expires_at <= @before LIMIT @limit)
        RETURNING purpose, channel, ${unredeemed} AND sends < sends_max AS expired`,
    },
    {
      keptMs: keptAfterExpiryMs,
      sql: `DELETE FROM challenges WHERE rowid IN (SELECT rowid FROM challenges WHERE expires_at <= @before LIMIT @limit)
        RETURNING purpose, channel, ${unredeemed} AND (sends >= sends_max OR sealed_code IS NOT NULL) AS expired`,
    },
  ].map(({ keptMs, sql }) => ({ keptMs, statement: db.prepare<Batch, SweptChallenge>(sql) }));
  const ofOthers = [
    {
      keptMs: 0,
      sql: "DELETE FROM registrations WHERE rowid IN (SELECT rowid FROM registrations WHERE expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: 0,
      sql: "DELETE FROM idempotency WHERE mac IN (SELECT mac FROM idempotency WHERE expires_at <= @before LIMIT @limit)",
    },
    { keptMs: 0, sql: "DELETE FROM budgets WHERE key IN (SELECT key FROM budgets WHERE expires_at <= @before LIMIT @limit)" },
    { keptMs: 0, sql: "DELETE FROM lockouts WHERE key IN (SELECT key FROM lockouts WHERE expires_at <= @before LIMIT @limit)" },
    {
      keptMs: 0,
      sql: "DELETE FROM sessions WHERE rowid IN (SELECT rowid FROM sessions WHERE idle_expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: 0,
      sql: "DELETE FROM contact_changes WHERE change_id IN (SELECT change_id FROM contact_changes WHERE expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: keptAfterExpiryMs,
      sql: `DELETE FROM client_assertions WHERE (client_id, jti) IN
        (SELECT client_id, jti FROM client_assertions WHERE expires_at <= @before LIMIT @limit)`,
    },
    {
      keptMs: endedSecretsKeptMs,
      sql: "DELETE FROM client_secrets WHERE rowid IN (SELECT rowid FROM client_secrets WHERE expires_at <= @before LIMIT @limit)",
    },
    {
      keptMs: deletionsKeptMs,
      sql: `DELETE FROM directory_deletions WHERE (kind, id) IN
        (SELECT kind, id FROM directory_deletions WHERE deleted_at <= @before LIMIT @limit)`,
    },
  ].map(({ keptMs, sql }) => ({ keptMs, statement: db.prepare<Batch>(sql) }));

  return {
    sweep: ({ now, limit }) =>
      writer.writeUnflushed(() => {
        let swept = 0;
        const expired: ExpiredChallenge[] = [];
        for (const { keptMs, statement } of ofChallenges) {
          if (swept >= limit) break;
          const rows = statement.all({ before: now - keptMs, limit: limit - swept });
          swept += rows.length;
          for (const row of rows) if (row.expired === 1) expired.push({ purpose: row.purpose, channel: row.channel });
        }
        for (const { keptMs, statement } of ofOthers) {
          if (swept < limit) swept += statement.run({ before: now - keptMs, limit: limit - swept }).changes;
        }
        return { swept, expired };
      }),
  };
}
