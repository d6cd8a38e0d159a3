import type { EndedTry, Report } from "../port/messages.js";
import { rowOfReport, rowOfTry } from "../shared/message-rows.js";
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

/** Reports as `report_messages` takes them. `nth` is the position in the caller's list. */
export function reportsParameter(reports: readonly { readonly report: Report; readonly nth: number }[]): string {
  return JSON.stringify(reports.map(({ report, nth }) => ({ ...rowOfReport(report), nth })));
}
