import type { EndedTry, Report } from "../port/messages.js";
import type { Settlement } from "../port/outbox.js";
import { lapseOf, rowOfReport, rowOfTry } from "../shared/message-rows.js";
import { hex } from "./parameters.js";

/** Ended tries as `append_tries` takes them. */
export function triesParameter(tries: readonly EndedTry[]): string {
  return JSON.stringify(
    tries.map((one) => {
      const row = rowOfTry(one);
      return { ...row, contact_key: row.contact_key && hex(row.contact_key) };
    }),
  );
}

/** How messages end whose challenge has ended, by id, as `settle_messages` takes it. */
export function lapsesParameter(settlements: readonly Pick<Settlement, "outboxId" | "lapsed">[]): string {
  const lapsed = settlements.flatMap(({ outboxId, lapsed }) => (lapsed === undefined ? [] : [[outboxId, lapseOf(lapsed)]]));
  return JSON.stringify(Object.fromEntries(lapsed));
}

/** Reports as `report_messages` takes them. `nth` is the position in the caller's list. */
export function reportsParameter(reports: readonly { readonly report: Report; readonly nth: number }[]): string {
  return JSON.stringify(reports.map(({ report, nth }) => ({ ...rowOfReport(report), nth })));
}
