import type { Database } from "better-sqlite3";
import type { StoredMessage } from "../../../model/message.js";
import type { Report } from "../../port/messages.js";
import { type MessageRow, type ReportRow, rowOfReport, toStoredMessage } from "../../shared/message-rows.js";
import { selectMessage } from "./change.js";
import { createWaitingReports } from "./waiting-reports.js";

/** Applies reports inside the caller's transaction, or lets them wait. Returns for each the message if the report changed it, else null. */
export function createReports(
  db: Database,
): (reports: readonly Report[], forwardTo: ReadonlySet<string>) => readonly (StoredMessage | null)[] {
  const waiting = createWaitingReports(db);
  const byId = selectMessage(db, "m.message_id = ?");
  const byReference = selectMessage(db, "m.reference = ?");
  const byProviderId = selectMessage(db, "m.provider_message_id = ? AND m.provider = ? ORDER BY m.message_id DESC LIMIT 1");

  function find({ reference, provider, provider_message_id: id }: ReportRow): MessageRow | undefined {
    const named = reference === "" ? undefined : byReference.get(reference);
    return named ?? (id === "" ? undefined : byProviderId.get(id, provider));
  }

  function applyOne(report: ReportRow, forwardTo: ReadonlySet<string>): StoredMessage | null {
    const known = find(report);
    const outcome = known === undefined ? "waits" : waiting.apply(known, report, forwardTo);
    if (outcome === "waits") waiting.add(report);
    return outcome === "changed" ? toStoredMessage(byId.get(known!.message_id)!) : null;
  }

  return (reports, forwardTo) => {
    const results = reports.map((report) => applyOne(rowOfReport(report), forwardTo));
    for (const provider of new Set(reports.map((report) => report.provider))) waiting.trim(provider);
    return results;
  };
}
