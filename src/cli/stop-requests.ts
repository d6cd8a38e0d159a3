import { atMost } from "../lib/at-most.js";
import { type StopRequests, stopMessage, stopNowMessage } from "../server/workers.js";

/**
 * Catches SIGTERM and SIGINT from now on, so that none is lost during the start. A signal that nothing waits for ends the
 * process at once. The first SIGHUP for which `terminalGone` holds also counts; later ones do not, because shell and kernel
 * both send it.
 */
export function stopsBySignal(terminalGone: () => boolean): StopRequests {
  let heard: ((signal: NodeJS.Signals) => void) | null = null;
  let hungUp = false;
  const next = (): Promise<NodeJS.Signals> =>
    new Promise((resolve) => {
      heard = resolve;
    });
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => {
      if (heard === null) process.exit(1);
      heard(name);
      heard = null;
    });
  }
  const first = next();
  process.on("SIGHUP", () => {
    if (hungUp || !terminalGone()) return;
    hungUp = true;
    heard?.("SIGHUP");
    heard = null;
  });
  return {
    first,
    async pause(ms) {
      if (ms === 0) return;
      await atMost(ms, next());
      heard = null;
    },
  };
}

/** A worker stops when the primary says so or is gone. A signal to the whole process group reaches both and counts once. */
export function stopsByPrimary(): StopRequests {
  let hurry = (): void => {};
  const now = new Promise<void>((resolve) => {
    hurry = resolve;
  });
  const first = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (): void => resolve("SIGTERM");
    void now.then(stop);
    process.on("SIGINT", () => {});
    process.on("SIGTERM", stop);
    process.on("disconnect", hurry);
    process.on("message", (message) => {
      if (message === stopMessage) stop();
      if (message === stopNowMessage) hurry();
    });
  });
  return { first, pause: (ms) => atMost(ms, now) };
}
