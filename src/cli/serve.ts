import type { Settings } from "../config.js";
import { createLog } from "../log.js";

/**
 * Serves until SIGTERM or SIGINT, then lets calls under way finish. A second signal ends the process at once. A start that fails
 * is thrown.
 */
export async function serve(settings: Settings): Promise<void> {
  const log = createLog(settings.logLevel, { pretty: settings.mode === "development" });
  const signal = nextSignal();
  process.on("uncaughtException", (error) => {
    log.error({ error }, "stopped by an unforeseen error");
    process.exit(1);
  });
  const { startApp } = await import("../app.js");
  const app = await startApp(settings, log);
  log.info({ signal: await signal }, "stopping");
  await app.stop();
  log.info({}, "stopped");
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
