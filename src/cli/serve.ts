import cluster from "node:cluster";
import type { Env, Settings } from "../config.js";
import { createLog } from "../log.js";
import { tracerFor } from "../tracer.js";
import { type ServingMessage, stopMessage } from "../workers.js";

/**
 * Serves until SIGTERM or SIGINT, then lets calls under way finish. A second signal ends the process at once. A start that fails
 * is thrown. With more than one worker this process runs them and serves nothing but metrics itself.
 */
export async function serve(settings: Settings, env: Env): Promise<void> {
  const log = createLog(settings.logLevel, { pretty: settings.mode === "development" });
  const signal = cluster.isWorker ? toldToStop() : nextSignal();
  process.on("uncaughtException", (error) => {
    log.error({ error }, "stopped by an unforeseen error");
    process.exit(1);
  });
  if (settings.workers > 1 && cluster.isPrimary) {
    const { serveWithWorkers } = await import("../workers.js");
    return await serveWithWorkers(settings, { log, signal });
  }
  const { startApp } = await import("../app.js");
  const app = await startApp(settings, log, { metricsElsewhere: cluster.isWorker, tracer: await tracerFor(env, log) });
  const { database, grpcPort: grpc, httpPort: http, inboxPort: inbox, metricsPort: metrics } = app;
  const fields = { grpc, http, ...(metrics === null ? {} : { metrics }), issuer: settings.issuer, database };
  if (cluster.isWorker) process.send?.({ kind: "serving", fields } satisfies ServingMessage);
  else log.info(inbox === null ? fields : { ...fields, inbox }, "serving");
  if (inbox !== null) log.info({}, `codes appear here and at http://localhost:${inbox}`);
  const reason = await signal;
  if (!cluster.isWorker) log.info({ signal: reason }, "stopping");
  await app.stop();
  if (!cluster.isWorker) log.info({}, "stopped");
}

/** Listens from now on, so that a signal during the start is not lost. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let signalled = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      if (signalled) process.exit(1);
      signalled = true;
      resolve(signal);
    };
    process.on("SIGTERM", onSignal);
    process.on("SIGINT", onSignal);
  });
}

/** A worker stops when the primary says so or is gone. Signals that reach the whole group at once are the primary's to act on. */
function toldToStop(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.on("SIGINT", () => {});
    process.on("SIGTERM", () => resolve("SIGTERM"));
    process.on("disconnect", () => resolve("SIGTERM"));
    process.on("message", (message) => {
      if (message === stopMessage) resolve("SIGTERM");
    });
  });
}
