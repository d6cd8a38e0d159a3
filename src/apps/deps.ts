import type { HookSecrets } from "../crypto/hook-secrets.js";
import type { Log } from "../lib/log.js";
import type { AppPolicy } from "../model/app-policy.js";
import type { CarrierStatus } from "../model/carrier.js";
import type { Policy } from "../model/policy.js";
import type { EpochMs } from "../model/time.js";
import type { Outbound } from "../outbound/outbound.js";
import type { Store } from "../store/port/store.js";
import type { Directory } from "./directory.js";

/** What the deployment's settings say about apps. */
export interface Deployment {
  readonly issuer: string;
  /** What messages call an app without a name. */
  readonly appName: string;
  /** Some lower bounds of policies are higher in production. */
  readonly isProduction: boolean;
  /** What applies to apps that decide nothing. */
  readonly policy: Policy;
  /** The carriers that all apps share. */
  readonly carriers: readonly Pick<CarrierStatus, "name" | "channel">[];
  /** The names of those settings that were set, by the policy value that they give. */
  readonly policySettings: Readonly<Partial<Record<keyof AppPolicy, string>>>;
}

/** The dependencies of the use cases for apps and clients. */
export interface AppsDeps {
  readonly clock: () => EpochMs;
  readonly store: Pick<Store, "apps" | "sessions" | "forwards">;
  /** Refreshed after each change, so that the change acts in this process before it is answered. */
  readonly directory: Pick<Directory, "refresh">;
  readonly deployment: Deployment;
  readonly hookSecrets: Pick<HookSecrets, "make">;
  readonly outbound: Pick<Outbound, "problemOf">;
  readonly log: Log;
}
