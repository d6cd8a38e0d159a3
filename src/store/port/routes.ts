import type { FailingRoute, RouteKey } from "../../model/route-health.js";
import type { EpochMs } from "../../model/time.js";

/** A route that began to fail or works again. */
export interface RouteChange extends RouteKey {
  readonly state: "failing" | "working";
}

/**
 * What was learned about routes: carrier, channel and country. The rules are in `rules/route-health.ts`. Only messages to phones are
 * judged, because e-mail has no country.
 */
export interface Routes {
  /**
   * Judges up to `limit` messages that carriers took 120 s before `now` or earlier, in the order in which they were taken. A message
   * is verified if its code was redeemed before a later message of its challenge was taken; otherwise the code of the later message
   * may have been entered. Each message is judged once, however many processes call. Messages that were taken more than an hour
   * earlier, and those whose challenge is gone, are not judged. Returns how many messages it saw, which is less than `limit` if none
   * is left, and the routes that changed.
   */
  judge(change: {
    readonly now: EpochMs;
    readonly limit: number;
  }): Promise<{ readonly seen: number; readonly changes: readonly RouteChange[] }>;

  /** Returns the routes that fail. */
  failing(): Promise<readonly FailingRoute[]>;

  /**
   * Claims the probe of a failing route that is due at `now`. The next one is due at `nextAt`. Of concurrent calls exactly one gets it.
   * Returns false if none is due or the route does not fail.
   */
  claimProbe(change: { readonly route: RouteKey; readonly now: EpochMs; readonly nextAt: EpochMs }): Promise<boolean>;
}
