import type { Channel } from "./channel.js";
import type { FailingRoute } from "./route-health.js";
import type { EpochMs } from "./time.js";

/** What one process knows about a carrier. Counts start at 0 with the process. */
export interface HealthOfCarrier {
  /** `down`: it refused its credentials or settings, so messages wait or use the next carrier, or its sender to several countries. */
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

/** A carrier that an app uses for one channel instead of those of the deployment. */
export interface AppCarrier {
  /** Unique in the app: 1 to 32 lower-case letters, digits and hyphens. */
  readonly name: string;
  readonly channel: Channel;
  /** The protocol or vendor, such as `smtp`. */
  readonly kind: string;
  /** The id of the key with its settings, in `store.keys` with the use `carrier`. Each change makes a new key. */
  readonly keyId: string;
}

export const appCarriersMax = 10;

/** What reaches a carrier of an app, with its credentials. Exactly one of the two is not empty. */
export interface AppCarrierSettings {
  readonly url: string;
  /** The description of an HTTP gateway as JSON text. */
  readonly gateway: string;
}

/** Returns the name of an app's carrier in the deployment. Names of the deployment's own carriers have no slash. */
export function nameInDeployment(appId: string, { name }: Pick<AppCarrier, "name">): string {
  return `${appId}/${name}`;
}

/** A carrier of one channel, as operators see it. */
export interface CarrierStatus {
  /** Unique in the deployment. Messages and the path of reports name it. */
  readonly name: string;
  /** The app that it belongs to. Null: the deployment. */
  readonly appId: string | null;
  /** The protocol or vendor, such as `smtp`. */
  readonly kind: string;
  readonly channel: Channel;
  /** Shared by all channels of the carrier. */
  readonly health: HealthOfCarrier;
  /** Its routes of the channel whose codes are not entered, by country. All processes know the same ones. */
  readonly failing: readonly FailingRoute[];
}
