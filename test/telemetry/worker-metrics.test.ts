import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createWorkersMetrics, type MetricsMember, type WorkersMetrics } from "../../src/telemetry/worker-metrics.js";

interface FakeWorker {
  readonly member: MetricsMember;
  readonly calls: Counter;
  readonly waits: Histogram;
  readonly lag: Gauge;
  readonly inFlight: Gauge;
  answers: boolean;
}

describe("the metrics of workers", () => {
  let metrics: WorkersMetrics;
  beforeEach(() => {
    metrics = createWorkersMetrics();
  });
  afterEach(() => void vi.useRealTimers());

  function startWorker(): FakeWorker {
    const registry = new Registry();
    const registers = [registry];
    const ask = async (): Promise<void> => {
      if (!worker.answers) return;
      const answer = { kind: "metrics", metrics: await registry.getMetricsAsJSON() };
      worker.member.heard(JSON.parse(JSON.stringify(answer)));
    };
    const worker: FakeWorker = {
      member: metrics.join({ ask: () => void ask() }),
      calls: new Counter({ name: "calls_total", help: "Calls.", labelNames: ["code"], registers }),
      waits: new Histogram({ name: "wait_seconds", help: "Waits.", buckets: [1], registers }),
      lag: new Gauge({ name: "nodejs_eventloop_lag_p99_seconds", help: "Lag.", aggregator: "average", registers }),
      inFlight: new Gauge({ name: "in_flight", help: "Now.", registers }),
      answers: true,
    };
    return worker;
  }

  const sampleOf = async (name: string) =>
    (await metrics.text())
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.split(" ")[1];

  it("are their sum, and the worst of their delays", async () => {
    const [one, other] = [startWorker(), startWorker()];
    one.calls.inc({ code: "OK" }, 2);
    other.calls.inc({ code: "OK" }, 3);
    one.lag.set(0.01);
    other.lag.set(5);
    expect(await sampleOf('calls_total{code="OK"}')).toBe("5");
    expect(await sampleOf("nodejs_eventloop_lag_p99_seconds")).toBe("5");
  });

  it("keep what workers that ended have counted, and nothing of what they were doing", async () => {
    for (let generation = 1; generation <= 3; generation += 1) {
      const worker = startWorker();
      worker.calls.inc({ code: "OK" }, 10);
      worker.waits.observe(2);
      worker.inFlight.set(7);
      const living = startWorker();
      living.calls.inc({ code: "OK" });
      expect(await sampleOf('calls_total{code="OK"}')).toBe(String(11 * generation));
      worker.member.left();
      living.member.left();
      expect(await sampleOf('calls_total{code="OK"}')).toBe(String(11 * generation));
      expect(await sampleOf('wait_seconds_bucket{le="+Inf"}')).toBe(String(generation));
      expect(await sampleOf("wait_seconds_sum")).toBe(String(2 * generation));
      expect(await sampleOf("in_flight")).toBeUndefined();
    }
  });

  it("come without the worker that ends while it is asked, and count it as it last told", async () => {
    const [dying, other] = [startWorker(), startWorker()];
    dying.calls.inc({ code: "OK" }, 4);
    expect(await sampleOf('calls_total{code="OK"}')).toBe("4");
    dying.answers = false;
    other.calls.inc({ code: "OK" });
    const text = metrics.text();
    dying.member.left();
    expect(await text).toContain('calls_total{code="OK"} 5');
    dying.member.heard({ kind: "metrics", metrics: [] });
    expect(await sampleOf('calls_total{code="OK"}')).toBe("5");
  });

  it("come in time though a worker hangs, which counts as it last told", async () => {
    const [hanging, other] = [startWorker(), startWorker()];
    hanging.calls.inc({ code: "OK" }, 4);
    await metrics.text();
    hanging.answers = false;
    other.calls.inc({ code: "OK" });
    vi.useFakeTimers();
    const text = metrics.text();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await text).toContain('calls_total{code="OK"} 5');
  });

  it("ask a worker that hangs once, and end its questions with it, however often somebody wanted to know", async () => {
    const ask = vi.fn();
    const member = metrics.join({ ask });
    vi.useFakeTimers();
    const texts = Array.from({ length: 20_000 }, () => metrics.text());
    member.left();
    expect(new Set(await Promise.all(texts))).toEqual(new Set(["\n"]));
    expect(ask).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([null, undefined, "metrics", 7, {}, { kind: "serving" }, { kind: "metrics", metrics: null }])(
    "take no harm from the message %j",
    async (message) => {
      const worker = startWorker();
      worker.calls.inc({ code: "OK" });
      await metrics.text();
      worker.member.heard(message);
      expect(await sampleOf('calls_total{code="OK"}')).toBe("1");
    },
  );
});
