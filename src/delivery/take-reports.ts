import type { MessageStatus } from "../model/message.js";
import type { EpochMs } from "../model/time.js";
import type { Messages, Report } from "../store/port/messages.js";
import type { CountedEnd, DeliveryLog } from "./deliver.js";
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
  /** Called when a report says that a message, which a carrier had taken, did not arrive. */
  readonly onUndelivered?: (ended: CountedEnd) => void;
}

/**
 * What becomes of a request that reports on messages. `unknown`: no carrier of this name takes reports. `busy`: it is authentic, but
 * as many as allowed are being stored now; a repeat is safe.
 */
export type TakenReports = "taken" | "forged" | "malformed" | "unknown" | "busy";

/** Authentic requests whose reports are stored at a time, so that a carrier that catches up leaves the database to sign-ins. */
const storingMax = 64;

/**
 * Returns a function that reads what a carrier posted and moves its messages forward. The result does not depend on whether the
 * messages exist. A report changes a message, and ends its sending if it was still queued; it changes no budget and no challenge.
 * Rejects as the store does; a repeat is then safe. Each request is checked, because no number of forged ones may keep out an
 * authentic one. A forged request costs that check, and takes no place among those that are stored.
 */
export function createReportTaking(
  deps: ReportDeps,
): (provider: string, request: Omit<ReportRequest, "now">) => Promise<TakenReports> {
  const logRefusal = createRefusalLog(deps);
  let storing = 0;
  return async (name, request) => {
    const provider = await deps.findProvider(name);
    if (provider?.readReports === undefined) return "unknown";
    const read = await provider.readReports({ ...request, now: deps.clock() });
    if (read.kind !== "reports") {
      deps.onReport?.({ provider: provider.label ?? provider.name, outcome: read.kind });
      logRefusal(provider.name, read.kind);
      return read.kind;
    }
    if (storing >= storingMax) return "busy";
    storing += 1;
    try {
      await takeReports(deps, provider, read.reports);
    } finally {
      storing -= 1;
    }
    return "taken";
  };
}

const logEveryMs = 60_000;
/** Carriers and reasons that are remembered. Beyond it the oldest are forgotten, and logged again at once. */
const loggedMax = 1_000;

/** Returns a function that logs refused requests: one line a minute for each carrier and reason, so that a flood can't fill the log. */
function createRefusalLog({ clock, log }: Pick<ReportDeps, "clock" | "log">): (provider: string, why: string) => void {
  const logged = new Map<string, { readonly at: EpochMs; unlogged: number }>();
  return (provider, why) => {
    const key = `${provider} ${why}`;
    const now = clock();
    const last = logged.get(key);
    // A clock that was set back must not silence the log.
    if (last !== undefined && Math.abs(now - last.at) < logEveryMs) {
      last.unlogged += 1;
      return;
    }
    logged.delete(key);
    logged.set(key, { at: now, unlogged: 0 });
    if (logged.size > loggedMax) logged.delete(logged.keys().next().value!);
    log.warn({ provider, why, count: 1 + (last?.unlogged ?? 0) }, "a delivery report was refused");
  };
}

const notArrived: readonly MessageStatus[] = ["undelivered", "failed", "expired"];

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
  const changed = await deps.store.messages.report(taken, deps.forwardTo());
  for (const message of changed) {
    if (message === null || !notArrived.includes(message.status)) continue;
    const { channel, country } = message;
    deps.onUndelivered?.({ channel, country, status: "undelivered", provider: label });
  }
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
