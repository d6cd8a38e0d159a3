import { type FailingRoute, probeWait, type RouteKey, routeName } from "../model/route-health.js";
import type { EpochMs } from "../model/time.js";
import type { Store } from "../store/port/store.js";
import type { DeliveryLog } from "./deliver.js";

/** What this process knows about the routes that fail. */
export interface LearnedRoutes {
  /** The routes that fail, as the latest look found them. */
  failing(): readonly FailingRoute[];
  isFailing(route: RouteKey): boolean;
  /** Returns whether the next message may probe a route that fails. Of all processes one gets each probe. Never rejects. */
  takeProbe(route: RouteKey): Promise<boolean>;
  /** Judges the messages that are due and reads which routes fail. */
  look(): Promise<void>;
}

/** Messages judged in one transaction, which takes a few milliseconds. */
const judgeBatch = 200;
/** Batches in one look. The rest waits for the next one. */
const batchesMax = 25;

export function createLearnedRoutes(deps: {
  readonly store: Pick<Store, "routes">;
  readonly clock: () => EpochMs;
  readonly log: DeliveryLog;
}): LearnedRoutes {
  const { store, clock, log } = deps;
  let failing: ReadonlyMap<string, FailingRoute> = new Map();
  /** When this process may next ask for a probe, by route. It spares the database a question for each message. */
  const askAt = new Map<string, EpochMs>();

  async function judge(): Promise<void> {
    for (let batch = 0; batch < batchesMax; batch += 1) {
      const { seen, changes } = await store.routes.judge({ now: clock(), limit: judgeBatch });
      for (const { state, ...route } of changes) {
        if (state === "working") log.info(route, "route restored: its codes are entered again");
        else
          log.error(
            route,
            "route failing: codes that the carrier took are not entered; another carrier is used if there is one",
          );
      }
      if (seen < judgeBatch) return;
    }
  }

  return {
    failing: () => [...failing.values()],
    isFailing: (route) => failing.size > 0 && failing.has(routeName(route)),
    async takeProbe(route) {
      const name = routeName(route);
      const known = failing.get(name);
      const now = clock();
      if (known === undefined || now < Math.max(known.probeAt, askAt.get(name) ?? 0)) return false;
      const nextAt = now + probeWait(known);
      askAt.set(name, nextAt);
      try {
        return await store.routes.claimProbe({ route, now, nextAt });
      } catch {
        // The message goes to a working route.
        return false;
      }
    },
    async look() {
      await judge();
      const routes = await store.routes.failing();
      failing = new Map(routes.map((route) => [routeName(route), route]));
      // A verified probe makes the next one due earlier.
      for (const name of askAt.keys()) if (!failing.has(name) || failing.get(name)!.verified > 0) askAt.delete(name);
    },
  };
}
