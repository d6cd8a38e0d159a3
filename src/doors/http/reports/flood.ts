import type { EpochMs } from "../../../model/time.js";

const windowMs = 60_000;
/** Refused requests of one network in a minute. A carrier with a wrong secret may repeat its reports, but not faster. */
const refusedMax = 60;
/** Networks that are remembered. Beyond it the oldest are forgotten, so that a flood from many networks takes no memory. */
const networksMax = 10_000;
/** Requests that are read at a time. Carriers repeat what is refused for a moment. */
const runningMax = 64;

/** Bounds what reports cost. Authentic reports of a network are not counted, because carriers send many from few addresses. */
export interface FloodGuard {
  /** Returns null if the network may send a request now, otherwise the seconds to wait. */
  waitSeconds(network: string, now: EpochMs): number | null;
  /** Each begun request ends once. */
  begin(): void;
  end(network: string, now: EpochMs, isRefused: boolean): void;
}

export function createFloodGuard(): FloodGuard {
  const refusals = new Map<string, { readonly until: EpochMs; count: number }>();
  let running = 0;
  return {
    waitSeconds(network, now) {
      const found = refusals.get(network);
      // A clock that was set back must not lengthen a wait.
      const waitMs = Math.min((found?.until ?? now) - now, windowMs);
      if (found !== undefined && found.count >= refusedMax && waitMs > 0) return Math.ceil(waitMs / 1_000);
      return running >= runningMax ? 1 : null;
    },
    begin() {
      running += 1;
    },
    end(network, now, isRefused) {
      running -= 1;
      if (!isRefused) return;
      const found = refusals.get(network);
      if (found !== undefined && found.until > now) {
        found.count += 1;
        return;
      }
      refusals.delete(network);
      refusals.set(network, { until: now + windowMs, count: 1 });
      if (refusals.size > networksMax) refusals.delete(refusals.keys().next().value!);
    },
  };
}
