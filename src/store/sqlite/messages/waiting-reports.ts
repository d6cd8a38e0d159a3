import type { Database } from "better-sqlite3";
import { afterReport } from "../../rules/message-changes.js";
import type { MessageRow, ReportRow } from "../../shared/message-rows.js";
import { changeMessage } from "./change.js";

/** Reports that came before what they are about, inside the caller's transaction. */
export interface WaitingReports {
  /** Applies a report to a message. Returns whether the message changed, or that the report must wait. */
  apply(known: MessageRow, report: ReportRow): "changed" | "unchanged" | "waits";
  add(report: ReportRow): void;
  /** Applies the reports that waited for a message, and forgets those that need not wait any longer. */
  applyTo(known: MessageRow): void;
}

export function createWaitingReports(db: Database): WaitingReports {
  const change = changeMessage(db);
  const insert = db.prepare<ReportRow>(`
    INSERT INTO message_reports (provider, reference, provider_message_id, status, cause, segments, price_amount, price_currency,
      reported_at)
    VALUES (@provider, @reference, @provider_message_id, @status, @cause, @segments, @price_amount, @price_currency, @reported_at)
    ON CONFLICT DO NOTHING`);
  const find = db.prepare<{ reference: string; provider: string; id: string }, ReportRow>(`
    SELECT provider, reference, provider_message_id, status, cause, segments, price_amount, price_currency, reported_at
    FROM message_reports WHERE reference = @reference AND reference <> ''
    UNION
    SELECT provider, reference, provider_message_id, status, cause, segments, price_amount, price_currency, reported_at
    FROM message_reports WHERE provider_message_id = @id AND provider_message_id <> '' AND provider = @provider
    ORDER BY reported_at`);
  const remove = db.prepare<ReportRow>(`
    DELETE FROM message_reports
    WHERE provider = @provider AND reference = @reference AND provider_message_id = @provider_message_id AND status = @status`);

  const apply: WaitingReports["apply"] = (known, report) => {
    const next = afterReport(known, report);
    if (next === "unchanged" || next === "waits") return next;
    change(known.message_id, { ...next, tries: known.tries as string });
    return "changed";
  };

  return {
    apply,
    add(report) {
      insert.run(report);
    },
    applyTo(known) {
      let current = known;
      const { reference, provider, provider_message_id: id } = known;
      for (const report of find.all({ reference, provider: provider ?? "", id: id ?? "" })) {
        const next = afterReport(current, report);
        if (next === "waits") continue;
        if (next !== "unchanged") {
          change(current.message_id, { ...next, tries: current.tries as string });
          current = { ...current, ...next };
        }
        remove.run(report);
      }
    },
  };
}
