import { AggregatorRegistry, Registry } from "prom-client";

/** The primary's message to a worker that requests its current metrics. */
export const metricsQuestion = "metrics";

/** A worker's answer. Null if it can't read its metrics. */
interface MetricsAnswer {
  readonly kind: "metrics";
  readonly metrics: Snapshot | null;
}

/** The metrics of one process, as prom-client writes them in JSON. */
type Snapshot = readonly {
  readonly name: string;
  readonly type: string;
  readonly aggregator?: string;
}[];

/** How long a worker may take to answer. After that its last answer counts, so a hanging worker does not block the others. */
const answerMs = 2_000;

/** In a worker: answers the primary's requests. */
export function answerMetricsQuestions(registry: Registry): void {
  const answer = (metrics: Snapshot | null): void => {
    // The primary may be gone. Another listener handles that.
    process.send?.({ kind: "metrics", metrics } satisfies MetricsAnswer, undefined, undefined, () => {});
  };
  process.on("message", (message) => {
    if (message !== metricsQuestion) return;
    registry.getMetricsAsJSON().then(
      (metrics) => answer(metrics as unknown as Snapshot),
      () => answer(null),
    );
  });
}

/** A worker whose metrics are part of the sum. */
export interface MetricsMember {
  /** Takes any message of the worker. */
  heard(message: unknown): void;
  /** Records that the worker has ended. Its counts stay in the sum. */
  left(): void;
}

/** The metrics of all workers of this process in Prometheus' text format. */
export interface WorkersMetrics {
  join(worker: { ask(): void }): MetricsMember;
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * Sums the workers' metrics. Where a sum is meaningless it takes one value: all workers see the same outbox, and of delays the
 * worst counts. The last counters and histograms of an ended worker stay in the sum, because Prometheus reads a falling counter
 * as a burst of events. If a worker does not answer, its last answer counts.
 */
export function createWorkersMetrics(): WorkersMetrics {
  const members = new Set<{ latest: Snapshot; refresh(): Promise<void> }>();
  let ended: Promise<Snapshot> = Promise.resolve([]);

  return {
    join({ ask }) {
      // A hanging worker is asked once, not again with each request.
      let question: Promise<void> | null = null;
      let answered = (): void => {};
      const member = {
        latest: [] as Snapshot,
        refresh(): Promise<void> {
          const asked = question;
          question ??= new Promise<void>((resolve) => {
            answered = resolve;
          });
          const answer = question;
          if (asked === null) ask();
          return within(answer, answerMs);
        },
      };
      const settle = (): void => {
        answered();
        question = null;
      };
      members.add(member);
      return {
        heard(message) {
          if (!isAnswer(message) || !members.has(member)) return;
          if (message.metrics !== null) member.latest = message.metrics.map(withWorstDelay);
          settle();
        },
        left() {
          if (!members.delete(member)) return;
          ended = withEnded(ended, member.latest);
          settle();
        },
      };
    },
    async text() {
      await Promise.all([...members].map((member) => member.refresh()));
      // Both are read at the same moment, so that a worker that ends now is counted once.
      const [past, present] = [ended, [...members].map(({ latest }) => latest)];
      return await sumUp([await past, ...present]).metrics();
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  };
}

/** Resolves when `promise` does, or after `ms`. */
function within(promise: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

async function withEnded(ended: Promise<Snapshot>, last: Snapshot): Promise<Snapshot> {
  const sum = await sumUp([await ended, last.filter(isCounted)]).getMetricsAsJSON();
  return sum as unknown as Snapshot;
}

function sumUp(snapshots: readonly Snapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots.map((snapshot) => [...snapshot]));
}

function isCounted({ type }: Snapshot[number]): boolean {
  return type === "counter" || type === "histogram";
}

/** prom-client averages these values, which would hide one hanging worker. */
function withWorstDelay(metric: Snapshot[number]): Snapshot[number] {
  const isMeanDelay = metric.name.startsWith("nodejs_eventloop_lag_") && metric.aggregator === "average";
  return isMeanDelay ? { ...metric, aggregator: "max" } : metric;
}

function isAnswer(message: unknown): message is MetricsAnswer {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "metrics";
}
