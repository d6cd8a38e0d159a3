import { AggregatorRegistry, Registry } from "prom-client";

/** What the primary asks a worker: its metrics as they are now. */
export const metricsQuestion = "metrics";

/** What a worker answers; null: it can't read them. */
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

/** How long a worker may take to answer: one that hangs keeps nobody from the others' metrics. */
const answerMs = 2_000;

/** In a worker: answers the primary's questions. */
export function answerMetricsQuestions(registry: Registry): void {
  const answer = (metrics: Snapshot | null): void => {
    // The primary may be gone, which another listener acts on.
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

/** A worker, as the sum of metrics sees it. */
export interface MetricsMember {
  /** Takes whatever the worker says. */
  heard(message: unknown): void;
  /** The worker has ended: what it has counted stays counted. */
  left(): void;
}

/** The metrics of all workers of this process in Prometheus' text format. */
export interface WorkersMetrics {
  join(worker: { ask(): void }): MetricsMember;
  text(): Promise<string>;
  readonly contentType: string;
}

/**
 * Sums the workers' metrics, but where a sum says nothing: the outbox is the same for all of them, and the worst delay is the one to
 * know. Of a worker that has ended, counters and histograms as it last told them stay in the sum, for a counter that falls looks to
 * Prometheus like a burst of events. A worker that does not answer counts as it last did.
 */
export function createWorkersMetrics(): WorkersMetrics {
  const members = new Set<{ latest: Snapshot; refresh(): Promise<void> }>();
  let ended: Promise<Snapshot> = Promise.resolve([]);

  return {
    join({ ask }) {
      // One that hangs is asked once, however often somebody wants to know.
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
      // Both as of one moment, so that who leaves now is counted once.
      const [past, present] = [ended, [...members].map(({ latest }) => latest)];
      return await sumUp([await past, ...present]).metrics();
    },
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
  };
}

/** Resolves with `promise`, or after so long without it. */
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

/** prom-client gives these an average, which hides a worker that hangs among others that don't. */
function withWorstDelay(metric: Snapshot[number]): Snapshot[number] {
  const isMeanDelay = metric.name.startsWith("nodejs_eventloop_lag_") && metric.aggregator === "average";
  return isMeanDelay ? { ...metric, aggregator: "max" } : metric;
}

function isAnswer(message: unknown): message is MetricsAnswer {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "metrics";
}
