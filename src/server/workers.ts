import cluster, { type Worker } from "node:cluster";
import type { Settings } from "../config/settings.js";
import { listenOn } from "../doors/listener.js";
import { createMetricsServer, warnOfOpenMetrics } from "../doors/metrics.js";
import type { Log } from "../lib/log.js";
import { createWorkersMetrics, metricsQuestion } from "../telemetry/worker-metrics.js";

/** A worker's message to the primary when it serves, with the fields that a single process would log. */
export interface ServingMessage {
  readonly kind: "serving";
  readonly fields: Readonly<Record<string, unknown>>;
}
/** The primary's message to a worker: report not ready, serve on for LATCHKEY_DRAIN_DELAY, finish running calls and end. */
export const stopMessage = "stop";
/** The same without the delay, or without the rest of it. */
export const stopNowMessage = "stop now";
/** The primary's message to a worker: reload the TLS files. */
export const reloadMessage = "reload";
/** The primary's message to a worker every second. The worker answers it as soon as its event loop turns. */
const pingMessage = "ping";

/** How a process is asked to stop. */
export interface StopRequests {
  /** Resolves at the first request, which may have come before. */
  readonly first: Promise<NodeJS.Signals>;
  /** Resolves after `ms`, or at the next request. */
  pause(ms: number): Promise<void>;
}

/** A worker that ends within this time after its start is replaced after a growing pause. */
const youngMs = 10_000;
const pauseMaxMs = 30_000;
const pauseMs = 1_000;
const pingEveryMs = 1_000;
/** Pings that a worker may leave unanswered. They are counted, so that a pause of the whole machine does not look like a hang. */
const unansweredMax = 10;
/** A worker that still runs this long after its drain is killed: before the 35 s of the unit, which would kill all processes. */
const stopMaxMs = 25_000;

/** In a worker: answers the primary's pings. */
export function answerPings(): void {
  process.on("message", (message) => {
    // The primary may be gone. Another listener handles that.
    if (message === pingMessage) process.send?.({ kind: "pong" }, undefined, undefined, () => {});
  });
}

/**
 * Runs `settings.workers` processes that share the ports of this one, until it is asked to stop. The first one starts alone, so that
 * a failed start is reported once. After that, a worker that ends or hangs is replaced. This process serves the sum of the workers' metrics.
 * Throws if a worker ends before it serves.
 */
export async function serveWithWorkers(
  settings: Settings,
  { log, stops, onReload }: { readonly log: Log; readonly stops: StopRequests; onReload(reload: () => void): void },
): Promise<void> {
  const metrics = createWorkersMetrics();
  const server = createMetricsServer(metrics, settings);
  // Before the workers start, so that a port in use is reported at once.
  const port = await listenOn(server, settings.metricsListen.host, settings.metricsListen.port);
  warnOfOpenMetrics(settings, log);
  const exits = new Set<Promise<void>>();
  let stopping = false;
  let failures = 0;

  function start(): Promise<ServingMessage["fields"]> {
    const worker = cluster.fork();
    // A worker that is just ending can't be asked. Its exit event follows.
    const member = metrics.join({ ask: () => void worker.send(metricsQuestion, () => {}) });
    const startedAt = performance.now();
    let served = false;
    const exited = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    exits.add(exited);
    const watch = watchForHang(worker, log);
    void exited.then(() => {
      exits.delete(exited);
      watch.end();
      member.left();
      if (served) replace(worker, performance.now() - startedAt);
    });
    return new Promise((resolve, reject) => {
      worker.on("message", (message: unknown) => {
        member.heard(message);
        watch.heard();
        if (!isServing(message)) return;
        served = true;
        watch.begin();
        resolve(message.fields);
      });
      // The worker has written the reason to its standard error.
      void exited.then(() => reject(new Error("a worker ended before it served")));
    });
  }

  function replace(worker: Worker, livedMs: number): void {
    if (stopping) return;
    failures = livedMs < youngMs ? failures + 1 : 0;
    const waitMs = failures === 0 ? 0 : Math.min(pauseMs * 2 ** (failures - 1), pauseMaxMs);
    log.error({ pid: worker.process.pid, startsInMs: waitMs }, "a worker ended unexpectedly; another one takes its place");
    setTimeout(() => {
      if (stopping) return;
      start().then(
        () => log.info({}, "the worker's successor serves"),
        () => replace(worker, 0),
      );
    }, waitMs).unref();
  }

  function broadcast(message: string): void {
    for (const worker of Object.values(cluster.workers ?? {})) if (worker?.isConnected() === true) worker.send(message);
  }

  function killLate(): void {
    for (const worker of Object.values(cluster.workers ?? {})) {
      log.error({ pid: worker?.process.pid }, `a worker did not stop within ${stopMaxMs / 1000} s and is killed`);
      worker?.process.kill("SIGKILL");
    }
  }

  onReload(() => broadcast(reloadMessage));
  const fields = await start();
  await Promise.all(Array.from({ length: settings.workers - 1 }, start));
  log.info({ ...fields, metrics: port, workers: settings.workers }, "serving");

  log.info({ signal: await stops.first }, "stopping");
  stopping = true;
  broadcast(stopMessage);
  void stops.pause(settings.drainDelayMs).then(() => {
    broadcast(stopNowMessage);
    setTimeout(killLate, stopMaxMs).unref();
  });
  await Promise.all(exits);
  server.close();
  server.closeAllConnections();
  log.info({}, "stopped");
}

/** Kills a worker that answers no pings. Its exit event follows. */
function watchForHang(worker: Worker, log: Log): { begin(): void; heard(): void; end(): void } {
  let unanswered = 0;
  let timer: NodeJS.Timeout | undefined;
  const ping = (): void => {
    if (unanswered === unansweredMax) {
      log.error({ pid: worker.process.pid }, `a worker has not answered for ${unansweredMax} s and is killed`);
      worker.process.kill("SIGKILL");
    }
    unanswered += 1;
    if (worker.isConnected()) worker.send(pingMessage, () => {});
  };
  return {
    begin() {
      timer = setInterval(ping, pingEveryMs).unref();
    },
    heard() {
      unanswered = 0;
    },
    end: () => clearInterval(timer),
  };
}

function isServing(message: unknown): message is ServingMessage {
  return typeof message === "object" && message !== null && "kind" in message && message.kind === "serving";
}
