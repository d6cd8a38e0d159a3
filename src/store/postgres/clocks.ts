import type { EpochMs } from "../store.js";

/** Limits and lifetimes count in the times of all processes that use a database, so their clocks have to agree. */
const toleranceMs = 1_000;

export const clocksDiffer = "the clock of this machine is more than 1 s from the database server's: set both by NTP";

/** Whether the server's clock, read between two moments of this machine's, agrees with it. */
export function clocksAgree(
  server: EpochMs,
  { askedAt, answeredAt }: { readonly askedAt: EpochMs; readonly answeredAt: EpochMs },
): boolean {
  return Math.max(askedAt - server, server - answeredAt) <= toleranceMs;
}
