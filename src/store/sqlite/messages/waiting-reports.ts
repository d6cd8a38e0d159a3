import type { Database } from "better-sqlite3";
import { reportsLeft, reportsWaitingMax } from "../../rules/kept.js";
import { afterReport } from "../../rules/message-changes.js";
import type { MessageRow, ReportRow } from "../../shared/message-rows.js";
import { changeMessage } from "./change.js";
import { createAddForward } from "./forwards.js";

/** Reports that came before what they are about, inside the caller's transaction. */
export interface WaitingReports {
  /** Applies a report to a message. Returns whether the message changed, or that the report must wait. */
  apply(known: MessageRow, report: ReportRow, forwardTo: ReadonlySet<string>): "changed" | "unchanged" | "waits";
  add(report: ReportRow): void;
  /** Drops the oldest reports of a carrier if more wait than may. */
  trim(provider: string): void;
  /** Applies the reports that waited for a message, and forgets those that need not wait any longer. */
  applyTo(known: MessageRow, forwardTo: ReadonlySet<string>): void;
}

export function createWaitingReports(db: Database): WaitingReports {
  const change = changeMessage(db);
  const addForward = createAddForward(db);
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

  const isOverfull = db
    .prepare<[string], number>(`SELECT 1 FROM message_reports WHERE provider = ? LIMIT 1 OFFSET ${reportsWaitingMax}`)
    .pluck();
  const dropOldest = db.prepare<[string]>(`
    DELETE FROM message_reports WHERE (provider, reference, provider_message_id, status) IN
      (SELECT provider, reference, provider_message_id, status FROM message_reports WHERE provider = ?
        ORDER BY reported_at DESC LIMIT -1 OFFSET ${reportsLeft})`);

  function take(known: MessageRow, report: ReportRow, forwardTo: ReadonlySet<string>): MessageRow | "unchanged" | "waits" {
    const next = afterReport(known, report);
    if (next === "unchanged" || next === "waits") return next;
    change(known.message_id, { ...next, tries: known.tries as string });
    const { status, cause } = next;
    if (status !== known.status && forwardTo.has(known.app_id)) addForward(known, { status, cause, at: report.reported_at });
    return { ...known, ...next };
  }

  return {
    apply(known, report, forwardTo) {
      const outcome = take(known, report, forwardTo);
      return outcome === "unchanged" || outcome === "waits" ? outcome : "changed";
    },
    add(report) {
      insert.run(report);
    },
    trim(provider) {
      if (isOverfull.get(provider) !== undefined) dropOldest.run(provider);
    },
    applyTo(known, forwardTo) {
      let current = known;
      const { reference, provider, provider_message_id: id } = known;
      for (const report of find.all({ reference, provider: provider ?? "", id: id ?? "" })) {
        const outcome = take(current, report, forwardTo);
        if (outcome === "waits") continue;
        if (outcome !== "unchanged") current = outcome;
        remove.run(report);
      }
    },
  };
}
