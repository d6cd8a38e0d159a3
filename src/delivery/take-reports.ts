import type { EpochMs } from "../model/time.js";
import type { Messages, Report } from "../store/port/messages.js";
import type { DeliveryLog } from "./deliver.js";
import type { DeliveryReport, Provider, ReportRequest } from "./provider.js";

/** What a carrier reported about a message, or why its request was refused, for metrics. */
export interface CountedReport {
  /** The label of the provider. */
  readonly provider: string;
  readonly outcome: Report["status"] | "forged" | "malformed";
}

export interface ReportDeps {
  readonly store: { readonly messages: Pick<Messages, "report"> };
  readonly clock: () => EpochMs;
  readonly log: DeliveryLog;
  /** Returns the provider of a name, or null if there is none. Rejects if that can't be found out now. */
  readonly findProvider: (name: string) => Promise<Provider | null>;
  /** Returns the apps that are to hear of their messages. */
  readonly forwardTo: () => ReadonlySet<string>;
  /** Called for every report that was stored and every request that was refused. */
  readonly onReport?: (report: CountedReport) => void;
}

/** What becomes of a request that reports on messages. `unknown`: no carrier of this name takes reports. */
export type TakenReports = "taken" | "forged" | "malformed" | "unknown";

/**
 * Reads what a carrier posted and moves its messages forward. The result does not depend on whether the messages exist. A report
 * changes a message and nothing beside it: no budget, no challenge. Throws what the store throws; a repeat is then safe.
 */
export async function takeReportRequest(
  deps: ReportDeps,
  given: { readonly provider: string; readonly request: Omit<ReportRequest, "now"> },
): Promise<TakenReports> {
  const provider = await deps.findProvider(given.provider);
  if (provider?.readReports === undefined) return "unknown";
  const read = await provider.readReports({ ...given.request, now: deps.clock() });
  if (read.kind === "reports") await takeReports(deps, provider, read.reports);
  else {
    deps.onReport?.({ provider: provider.label ?? provider.name, outcome: read.kind });
    deps.log.warn({ provider: provider.name, why: read.kind }, "a delivery report was refused");
  }
  return read.kind === "reports" ? "taken" : read.kind;
}

/** Moves messages forward as a carrier reports. Throws what the store throws. */
export async function takeReports(
  deps: Omit<ReportDeps, "findProvider">,
  { name, label = name }: Pick<Provider, "name" | "label">,
  reports: readonly DeliveryReport[],
): Promise<void> {
  const now = deps.clock();
  const named = reports.filter(({ sendKey, providerMessageId }) => sendKey !== undefined || providerMessageId != null);
  if (named.length === 0) return;
  const taken = named.map((report) => stored(report, name, now));
  await deps.store.messages.report(taken, deps.forwardTo());
  for (const { status } of named) deps.onReport?.({ provider: label, outcome: status });
}

/** Takes the reports that arrive over the carrier's own connection. Those that can't be stored are logged and not acknowledged, so that the carrier repeats them. */
export function followReports(deps: Omit<ReportDeps, "findProvider">, provider: Provider): void {
  provider.onReports?.(async (reports) => {
    try {
      await takeReports(deps, provider, reports);
    } catch (error) {
      deps.log.error({ provider: provider.name, count: reports.length, error }, "delivery reports could not be stored");
      throw error;
    }
  });
}

function stored(report: DeliveryReport, provider: string, reportedAt: EpochMs): Report {
  const { sendKey = null, providerMessageId = null, status, cause, segments = null, price = null } = report;
  return { provider, reference: sendKey, providerMessageId, status, cause: cause.slice(0, 200), segments, price, reportedAt };
}
