import cluster from "node:cluster";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { HashMeasure } from "../crypto/code-hash.js";
import type { CountedEnd, CountedTry } from "../delivery/deliver.js";
import { type ForwardResult, forwardResults } from "../delivery/forwarding.js";
import type { CountedReport } from "../delivery/take-reports.js";
import type { CarrierStatus } from "../model/carrier.js";
import { type Door, type Dropped, type EndedCall, whysDropped } from "../model/door.js";
import { hookOutcomes, type Metrics, notMeOutcomes } from "../model/metrics.js";
import type { FailingRoute } from "../model/route-health.js";
import type { EndedOperation } from "../store/observed.js";
import type { ExpiredChallenge } from "../store/port/upkeep.js";
import { answerMetricsQuestions } from "./worker-metrics.js";

/** Turns the reports of a server's parts into metrics. No label holds personal data or a secret. */
export interface Recorder extends MetricsText {
  readonly auth: Metrics;
  challengeExpired(challenge: ExpiredChallenge): void;
  callEnded(call: EndedCall): void;
  connectionDropped(dropped: { readonly door: Door; readonly why: Dropped }): void;
  requestReset(door: Door): void;
  operationEnded(operation: EndedOperation): void;
  readonly hashes: HashMeasure;
  tryEnded(attempt: CountedTry): void;
  forwardEnded(result: ForwardResult, count: number): void;
  messageEnded(ended: CountedEnd): void;
  reportTaken(report: CountedReport): void;
  /** Adds values that are read whenever the metrics are requested. */
  observe(state: {
    readonly hashesWaiting: () => number;
    readonly callsInFlight: () => number;
    /** Returns how long the oldest due message has been due, or 0 if none is due. */
    readonly outboxAgeMs: () => Promise<number>;
    readonly carriers: () => readonly CarrierStatus[];
    readonly failingRoutes: () => readonly FailingRoute[];
  }): void;
  /** Adds how long the certificate in use is still valid, and its whole lifetime. */
  observeCertificate(validity: () => { readonly leftMs: number; readonly wholeMs: number }): void;
}

/** Metrics in Prometheus' text format, and its content type. */
export interface MetricsText {
  text(): Promise<string>;
  readonly contentType: string;
}

const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const operationSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 3];

/** Metrics for Prometheus. Dashboards and alerts depend on the names, labels and buckets. */
export function createRecorder(): Recorder {
  const registry = new Registry();
  const registers = [registry];
  if (cluster.isWorker) answerMetricsQuestions(registry);
  collectDefaultMetrics({ register: registry });
  const calls = new Histogram({
    name: "latchkey_call_duration_seconds",
    help: "Calls by method, door and gRPC code, from reading their headers to their answer.",
    labelNames: ["method", "door", "code"],
    buckets: callSeconds,
    registers,
  });
  const operations = new Histogram({
    name: "latchkey_store_duration_seconds",
    help: "Operations of the store, including the wait for a shared commit or a connection.",
    labelNames: ["operation"],
    buckets: operationSeconds,
    registers,
  });
  const counter = (name: string, help: string, labelNames: readonly string[]) =>
    new Counter({ name, help, labelNames: [...labelNames], registers });
  const storeErrors = counter("latchkey_store_errors_total", "Operations of the store that failed.", ["operation", "error"]);
  const challenge = ["purpose", "channel"];
  const issued = counter("latchkey_challenges_issued_total", "Challenges issued, including decoys.", [...challenge, "decoy"]);
  const resent = counter("latchkey_challenges_resent_total", "Codes that were sent again on request.", challenge);
  const redeemed = counter("latchkey_challenges_redeemed_total", "Challenges that were redeemed with their code.", challenge);
  const expired = counter(
    "latchkey_challenges_expired_total",
    "Challenges that expired before they were redeemed, without decoys.",
    challenge,
  );
  const guesses = counter("latchkey_guesses_refused_total", "Refused guesses, by reason.", ["why"]);
  const budgets = counter("latchkey_budget_refusals_total", "Calls refused because a budget was spent.", ["budget"]);
  const drops = counter(
    "latchkey_connections_dropped_total",
    "Connections refused or closed because the door was full, their network had too many, or an idle one had to make room.",
    ["door", "why"],
  );
  const resets = counter(
    "latchkey_requests_reset_total",
    "Requests reset before they had arrived in full: all together held too much memory, or one came in more than 1024 pieces.",
    ["door"],
  );
  // They start at 0, because Prometheus sees no increase in the first sample of a series.
  for (const door of ["grpc", "web"] satisfies Door[]) {
    resets.inc({ door }, 0);
    for (const why of whysDropped) drops.inc({ door, why }, 0);
  }
  const tries = counter("latchkey_delivery_tries_total", "Tries to deliver a message.", ["channel", "provider", "outcome"]);
  const forwards = counter("latchkey_delivery_reports_forwarded_total", "Delivery reports posted to apps, by result.", [
    "result",
  ]);
  for (const result of forwardResults) forwards.inc({ result }, 0);
  const ended = counter(
    "latchkey_messages_ended_total",
    "Messages that a carrier took (sent), were given up (failed, expired), did not arrive although a carrier took them (undelivered), or were for a test identifier (test).",
    ["channel", "status", "provider", "country"],
  );
  const reports = counter(
    "latchkey_delivery_reports_total",
    "Reports of carriers about messages by status, and requests that were refused (forged, malformed).",
    ["provider", "outcome"],
  );
  const reused = counter(
    "latchkey_refresh_tokens_reused_total",
    "Refresh tokens reused after their grace period. Each one ended its session.",
    [],
  );
  const notMe = counter(
    "latchkey_not_me_reports_total",
    "Reports of recipients that they did not request a code, by what they ended.",
    ["outcome"],
  );
  for (const outcome of notMeOutcomes) notMe.inc({ outcome }, 0);
  const hookCalls = new Histogram({
    name: "latchkey_registration_hook_duration_seconds",
    help: "Calls of registration hooks by outcome: allowed, refused, or failed if there was no valid answer.",
    labelNames: ["outcome"],
    buckets: callSeconds,
    registers,
  });
  for (const outcome of hookOutcomes) hookCalls.zero({ outcome });
  const keysMissing = counter(
    "latchkey_key_missing_total",
    "Work left to other processes because this process lacks the master key or pepper for it.",
    ["use", "work"],
  );
  const hashWait = new Histogram({
    name: "latchkey_hash_wait_seconds",
    help: "How long calls wait for a slot to hash in.",
    buckets: callSeconds,
    registers,
  });
  const hashTook = new Histogram({ name: "latchkey_hash_duration_seconds", help: "Hashes.", buckets: callSeconds, registers });
  /**
   * Adds a value that is read whenever the metrics are requested. `aggregator` says how the primary combines its workers'
   * values.
   */
  function gauge(
    name: string,
    help: string,
    read: () => number | Promise<number>,
    aggregator: "sum" | "max" | "min" = "sum",
  ): void {
    new Gauge({
      name,
      help,
      registers,
      aggregator,
      async collect() {
        this.set(await read());
      },
    });
  }

  return {
    auth: {
      challengeIssued: ({ purpose, channel }, decoy) => issued.inc({ purpose, channel, decoy: String(decoy) }),
      challengeResent: ({ purpose, channel }) => resent.inc({ purpose, channel }),
      challengeRedeemed: ({ purpose, channel }) => redeemed.inc({ purpose, channel }),
      guessRefused: (why) => guesses.inc({ why }),
      budgetRefused: (budget) => budgets.inc({ budget }),
      refreshTokenReused: () => reused.inc(),
      notMeReported: (outcome) => notMe.inc({ outcome }),
      registrationHookEnded: (outcome, tookMs) => hookCalls.observe({ outcome }, tookMs / 1000),
      keyMissing: (use, work) => keysMissing.inc({ use, work }),
    },
    challengeExpired: ({ purpose, channel }) => expired.inc({ purpose, channel }),
    callEnded: ({ method, door, code, tookMs }) => calls.observe({ method, door, code }, tookMs / 1000),
    connectionDropped: ({ door, why }) => drops.inc({ door, why }),
    requestReset: (door) => resets.inc({ door }),
    operationEnded({ operation, tookMs, error }) {
      operations.observe({ operation }, tookMs / 1000);
      if (error !== undefined) storeErrors.inc({ operation, error });
    },
    hashes: {
      waited: (ms) => hashWait.observe(ms / 1000),
      hashed: (ms) => hashTook.observe(ms / 1000),
    },
    tryEnded: ({ channel, provider, kind }) => tries.inc({ channel, provider, outcome: kind }),
    forwardEnded: (result, count) => forwards.inc({ result }, count),
    messageEnded: ({ channel, status, provider, country }) =>
      ended.inc({ channel, status, provider: provider ?? "none", country: country ?? "none" }),
    reportTaken: ({ provider, outcome }) => reports.inc({ provider, outcome }),
    observe({ hashesWaiting, callsInFlight, outboxAgeMs, carriers, failingRoutes }) {
      gauge("latchkey_hashes_waiting", "Calls that wait for a slot to hash in.", hashesWaiting);
      gauge("latchkey_calls_in_flight", "Calls in progress.", callsInFlight);
      // If this value can't be read now, the other metrics must still be readable.
      const ageSeconds = () =>
        outboxAgeMs().then(
          (ms) => ms / 1000,
          () => Number.NaN,
        );
      gauge("latchkey_outbox_age_seconds", "How long the oldest message in the outbox has been due.", ageSeconds, "max");
      new Gauge({
        name: "latchkey_carrier_down",
        help: "1 if the carrier refused its credentials or settings at its last try, otherwise 0.",
        labelNames: ["provider"],
        registers,
        aggregator: "max",
        collect() {
          for (const { name, health } of carriers()) this.set({ provider: name }, health.state === "down" ? 1 : 0);
        },
      });
      new Gauge({
        name: "latchkey_route_failing",
        help: "1 for each carrier, channel and country whose codes the carrier took and people do not enter. Absent for all others.",
        labelNames: ["provider", "channel", "country"],
        registers,
        aggregator: "max",
        collect() {
          this.reset();
          for (const { provider, channel, country } of failingRoutes()) this.set({ provider, channel, country }, 1);
        },
      });
    },
    observeCertificate(validity) {
      const [left, whole] = ["How long the TLS certificate in use is still valid.", "The whole lifetime of that certificate."];
      gauge("latchkey_tls_certificate_expires_in_seconds", left, () => validity().leftMs / 1000, "min");
      gauge("latchkey_tls_certificate_lifetime_seconds", whole, () => validity().wholeMs / 1000, "min");
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
