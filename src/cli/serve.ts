import cluster from "node:cluster";
import { join } from "node:path";
import { isatty } from "node:tty";
import { noCountryAdvice } from "../config/no-country.js";
import type { Env, Settings } from "../config/settings.js";
import type { Log } from "../lib/log.js";
import { answerPings, reloadMessage, type ServingMessage } from "../server/workers.js";
import { createLog } from "../telemetry/log.js";
import { tracerFor } from "../telemetry/start-tracer.js";
import { devClientsFile, readDevClients } from "./dev-clients.js";
import { devSecretsDirectory } from "./dev-files.js";
import { stopsByPrimary, stopsBySignal } from "./stop-requests.js";

/**
 * Serves until SIGTERM or SIGINT, or until its terminal is closed. Then it reports not ready, serves on for
 * LATCHKEY_DRAIN_DELAY or until a second signal, lets running calls finish, and ends. A further signal ends the process at
 * once. Other SIGHUPs reload the TLS files. With more than one worker this process runs the workers and itself serves only
 * metrics. Throws if the start fails.
 */
export async function serve(settings: Settings, env: Env): Promise<void> {
  const log = createLog(settings.logLevel, { pretty: settings.mode === "development" });
  const advice = noCountryAdvice(settings);
  if (advice !== null && !cluster.isWorker) log.warn({}, advice);
  const terminalGone = watchTerminal();
  const stops = cluster.isWorker ? stopsByPrimary() : stopsBySignal(terminalGone);
  const onReload = reloads(settings, { log, terminalGone });
  process.on("uncaughtException", (error) => {
    log.error({ error }, "stopped by an unforeseen error");
    process.exit(1);
  });
  if (settings.workers > 1 && cluster.isPrimary) {
    const { serveWithWorkers } = await import("../server/workers.js");
    await serveWithWorkers(settings, { log, stops, onReload });
    if (terminalGone()) endByHangUp();
    return;
  }
  const { startApp } = await import("../server/app.js");
  const developmentClients = settings.mode === "development" ? readDevClients(devSecretsDirectory) : [];
  const app = await startApp(settings, log, {
    metricsElsewhere: cluster.isWorker,
    tracer: await tracerFor(env, log),
    developmentClients,
  });
  onReload(() => void app.reloadCertificates());
  const { database, grpcPort: grpc, httpPort: http, inboxPort: inbox, metricsPort: metrics } = app;
  const fields = { grpc, http, ...(metrics === null ? {} : { metrics }), issuer: settings.issuer, database };
  if (cluster.isWorker) answerPings();
  if (cluster.isWorker) process.send?.({ kind: "serving", fields } satisfies ServingMessage);
  else log.info(inbox === null ? fields : { ...fields, inbox }, "serving");
  if (inbox !== null) log.info({}, `codes appear here and at http://localhost:${inbox}`);
  if (developmentClients.length > 0) {
    log.info({}, `backends authenticate with the ids and secrets in ${join(devSecretsDirectory, devClientsFile)}`);
  }
  const reason = await stops.first;
  if (!cluster.isWorker) log.info({ signal: reason }, "stopping");
  app.withdraw();
  await stops.pause(settings.drainDelayMs);
  await app.stop();
  if (!cluster.isWorker) log.info({}, "stopped");
  if (terminalGone()) endByHangUp();
}

/** Returns a function that tests whether the terminal that started this process is closed. SIGHUP is then its last signal. */
function watchTerminal(): () => boolean {
  const hadTerminal = isatty(0);
  return () => hadTerminal && !isatty(0);
}

/** Ends the process as SIGHUP does by default. In a normal exit Node would reset its terminal and abort if that is gone. */
function endByHangUp(): void {
  process.removeAllListeners("SIGHUP");
  process.kill(process.pid, "SIGHUP");
}

/**
 * Catches SIGHUP, which would otherwise end the process. Returns a function that sets the reaction. An earlier SIGHUP needs no
 * reaction, because the start reads the files anyway. Workers ignore the signal and wait for the primary's message.
 */
function reloads(
  settings: Settings,
  { log, terminalGone }: { readonly log: Log; readonly terminalGone: () => boolean },
): (reload: () => void) => void {
  let reload = (): void => {};
  if (cluster.isWorker) process.on("message", (message) => message === reloadMessage && reload());
  process.on("SIGHUP", () => {
    if (cluster.isWorker || terminalGone()) return;
    if (settings.tls.kind === "files") reload();
    else log.info({}, "SIGHUP ignored: without LATCHKEY_TLS=files there are no files to reload");
  });
  return (given) => {
    reload = given;
  };
}
