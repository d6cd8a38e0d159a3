import { movesForward } from "../../model/message.js";
import type { MessageRow, ReportRow } from "../shared/message-rows.js";

/** The columns of a message that tries and reports change. */
export type Progress = Pick<
  MessageRow,
  | "status"
  | "cause"
  | "provider"
  | "provider_message_id"
  | "segments"
  | "price_amount"
  | "price_currency"
  | "sent_at"
  | "delivered_at"
>;

/**
 * Returns the progress of a message after another of its tries has ended. Of two tries that ended at once, the one that moved the
 * message furthest counts. The PostgreSQL function `append_tries` has the same rules.
 */
export function afterTry(known: Progress, given: Progress): Progress {
  const moves = movesForward(known.status, given.status);
  const counts = moves || known.status === "queued";
  const carrier = counts && given.provider !== null ? given.provider : known.provider;
  const isOther = carrier !== known.provider;
  const idOfSame = given.provider === known.provider ? given.provider_message_id : null;
  const takesPrice = known.price_amount === null || (counts && given.price_amount !== null);
  return {
    status: moves ? given.status : known.status,
    cause: counts ? given.cause : known.cause,
    provider: carrier,
    provider_message_id: isOther ? given.provider_message_id : (known.provider_message_id ?? idOfSame),
    segments: counts ? (given.segments ?? known.segments) : (known.segments ?? given.segments),
    price_amount: takesPrice ? given.price_amount : known.price_amount,
    price_currency: takesPrice ? given.price_currency : known.price_currency,
    sent_at: known.sent_at ?? given.sent_at,
    delivered_at: known.delivered_at,
  };
}

/**
 * Returns the progress of a message after a report; `unchanged`; or `waits` if the message must be tried further before the report
 * can mean anything. The PostgreSQL function `report_to_message` has the same rules.
 */
export function afterReport(known: Progress, report: ReportRow): Progress | "unchanged" | "waits" {
  const isFailure = report.status === "failed" || report.status === "undelivered" || report.status === "expired";
  const isOfLastCarrier = known.provider === report.provider;
  const id = report.provider_message_id === "" ? null : report.provider_message_id;
  if (isFailure) {
    // The try that it is about may not be appended yet. If it is, the message is tried again, so an earlier failure means nothing.
    if (known.status === "queued") return "waits";
    const isOfOtherTry = id !== null && known.provider_message_id !== null && id !== known.provider_message_id;
    if (!isOfLastCarrier || isOfOtherTry) return "unchanged";
  }
  const moves = movesForward(known.status, report.status);
  const takes = moves || isOfLastCarrier;
  const isOther = moves && !isOfLastCarrier;
  const takesPrice = takes && report.price_amount !== null && (isOther || known.price_amount === null);
  const next: Progress = {
    status: moves ? report.status : known.status,
    cause: !moves ? known.cause : isFailure ? report.cause : "",
    provider: isOther ? report.provider : known.provider,
    provider_message_id: isOther ? id : takes ? (known.provider_message_id ?? id) : known.provider_message_id,
    segments: isOther ? (report.segments ?? known.segments) : takes ? (known.segments ?? report.segments) : known.segments,
    price_amount: takesPrice ? report.price_amount : known.price_amount,
    price_currency: takesPrice ? report.price_currency : known.price_currency,
    sent_at: known.sent_at ?? (moves && report.status !== "failed" && report.status !== "expired" ? report.reported_at : null),
    delivered_at: moves && report.status === "delivered" ? report.reported_at : known.delivered_at,
  };
  const changed = (Object.keys(next) as (keyof Progress)[]).some((column) => next[column] !== known[column]);
  return changed ? next : "unchanged";
}
