import type { Channel } from "./channel.js";
import type { EpochMs } from "./time.js";

/** What one process knows about a carrier. Counts start at 0 with the process. */
export interface HealthOfCarrier {
  /** `down`: it refused its credentials or settings, so messages wait or use the next carrier. */
  readonly state: "up" | "down";
  /** Since when it is in this state. */
  readonly since: EpochMs;
  /** The latest try that was neither taken nor refused for good. Null: none yet. `detail` has at most 200 characters. */
  readonly lastError: { readonly at: EpochMs; readonly detail: string } | null;
  /** Messages that it took. */
  readonly sent: number;
  /** Tries that ended otherwise. */
  readonly failed: number;
}

/** A carrier of one channel, as operators see it. */
export interface CarrierStatus {
  /** Unique in the deployment. Messages and the path of reports name it. */
  readonly name: string;
  /** The protocol or vendor, such as `smtp`. */
  readonly kind: string;
  readonly channel: Channel;
  /** Shared by all channels of the carrier. */
  readonly health: HealthOfCarrier;
}
