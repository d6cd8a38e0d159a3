import type { Database } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import type { Store } from "../../port/store.js";
import { reportKeptMs } from "../../rules/kept.js";
import type { Writer } from "../writer.js";
import { createMessageReads } from "./reads.js";
import { createJoinRedemptions } from "./redemptions.js";
import { createReports } from "./reports.js";

type Operations = Store["messages"];

export function createMessages(db: Database, writer: Writer): Operations {
  const apply = createReports(db);
  const join = createJoinRedemptions(db);
  const expired = [
    {
      keptMs: null,
      sql: "DELETE FROM messages WHERE rowid IN (SELECT rowid FROM messages WHERE queued_at < @before LIMIT @limit)",
    },
    {
      keptMs: reportKeptMs,
      sql: `DELETE FROM message_reports WHERE (provider, reference, provider_message_id, status) IN
        (SELECT provider, reference, provider_message_id, status FROM message_reports WHERE reported_at <= @before LIMIT @limit)`,
    },
  ].map(({ keptMs, sql }) => ({ keptMs, statement: db.prepare<{ before: EpochMs; limit: number }>(sql) }));

  return {
    ...createMessageReads(db, writer),
    report: (reports, forwardTo = new Set()) =>
      reports.length === 0 ? Promise.resolve([]) : writer.writeUnflushed(() => apply(reports, forwardTo)),
    joinRedemptions: (change) => join(writer, change),
    sweep: ({ now, before, limit }) =>
      writer.writeUnflushed(() => {
        let swept = 0;
        for (const { keptMs, statement } of expired) {
          swept += statement.run({ before: keptMs === null ? before : now - keptMs, limit: limit - swept }).changes;
        }
        return swept;
      }),
  };
}
