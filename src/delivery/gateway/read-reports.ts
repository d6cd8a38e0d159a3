import type { GatewayReports, Pointer } from "../../model/gateway.js";
import type { DeliveryReport, ReadReports, ReportRequest } from "../provider.js";
import { isAuthentic } from "./authenticate-report.js";
import { receiptAt, valueAt, wordAt } from "./pointer.js";

const reportsMax = 1000;

/** Reads what the carrier posted. Nothing of an unproven request is parsed. Never throws. */
export async function readReports(reports: GatewayReports, request: ReportRequest): Promise<ReadReports> {
  if (!(await isAuthentic(reports.authentication, request))) return { kind: "forged" };
  const document = documentOf(reports, request);
  const entries = document === undefined ? null : entriesOf(document, reports.list);
  if (entries === null) return { kind: "malformed" };
  const read: DeliveryReport[] = [];
  for (const entry of entries) {
    const report = reportOf(entry, reports);
    if (report === "malformed") return { kind: "malformed" };
    if (report !== "ignored") read.push(report);
  }
  return { kind: "reports", reports: read };
}

function documentOf({ format }: GatewayReports, { url, body }: ReportRequest): unknown {
  switch (format) {
    case "query":
      return URL.canParse(url) ? fieldsOf(new URL(url).searchParams) : undefined;
    case "form":
      return fieldsOf(new URLSearchParams(body.toString("utf8")));
    case "json":
      try {
        return JSON.parse(body.toString("utf8"));
      } catch {
        return undefined;
      }
  }
}

/** Returns undefined if a name is given twice, because readers differ in which one counts. */
function fieldsOf(parameters: URLSearchParams): Readonly<Record<string, string>> | undefined {
  const fields = new Map<string, string>();
  for (const [name, value] of parameters) {
    if (fields.has(name)) return undefined;
    fields.set(name, value);
  }
  return Object.fromEntries(fields);
}

function entriesOf(document: unknown, list: Pointer | null): readonly unknown[] | null {
  if (list === null) return [document];
  const entries = valueAt(document, list);
  return Array.isArray(entries) && entries.length <= reportsMax ? entries : null;
}

function reportOf(entry: unknown, reports: GatewayReports): DeliveryReport | "ignored" | "malformed" {
  const word = wordAt(entry, reports.status);
  if (word === null) return "malformed";
  const status = reports.statuses.get(word);
  if (status === undefined) return "ignored";
  const receipt = receiptAt(entry, reports);
  const reference = wordAt(entry, reports.reference);
  const sendKey = reference !== null && /^[A-Za-z0-9_-]{1,200}$/.test(reference) ? reference : undefined;
  if (sendKey === undefined && (receipt.providerMessageId ?? null) === null) return "malformed";
  // Carriers give a reason such as NO_ERROR also for success.
  const cause = status === "sent" || status === "delivered" ? "" : causeOf(wordAt(entry, reports.cause));
  return { ...receipt, ...(sendKey === undefined ? {} : { sendKey }), status, cause };
}

/** Six digits in a row may be a code or a part of a number, so such a cause is left out. */
function causeOf(text: string | null): string {
  return text !== null &&
    text.length <= 200 &&
    /^[\p{L}\p{N}\p{P} ]*$/u.test(text) &&
    !/\d{6}/.test(text.replace(/[\p{P} ]/gu, ""))
    ? text
    : "";
}
