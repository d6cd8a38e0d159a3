import type { AccessTokens } from "../crypto/access-token.js";
import type { CodeHasher } from "../crypto/code-hash.js";
import type { ForeignKeys } from "../crypto/foreign-keys.js";
import type { LookupKeys } from "../crypto/lookup-keys.js";
import type { RefreshTokens } from "../crypto/refresh-token.js";
import type { RequestMac } from "../crypto/request-mac.js";
import type { Sealer } from "../crypto/sealing.js";
import type { SessionCredentials } from "../crypto/session-credential.js";
import type { Log } from "../lib/log.js";
import type { Metrics } from "../model/metrics.js";
import type { EpochMs } from "../model/time.js";
import type { Store } from "../store/port/store.js";
import type { AskRegistrationHook } from "./registration-hook.js";
import type { SingleFlight } from "./single-flight.js";

/** The dependencies of all use cases, created once when the server starts. */
export interface Deps {
  readonly clock: () => EpochMs;
  readonly store: Store;
  readonly codes: CodeHasher;
  readonly sealer: Sealer;
  readonly lookup: LookupKeys;
  readonly foreignKeys: ForeignKeys;
  readonly accessTokens: AccessTokens;
  readonly refreshTokens: RefreshTokens;
  readonly sessionCredentials: SessionCredentials;
  readonly requestMac: RequestMac;
  readonly singleFlight: SingleFlight;
  readonly askRegistrationHook: AskRegistrationHook;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Notifies the outbox that a commit added a message that is due at `dueAt`. */
  readonly wakeOutbox: (dueAt: EpochMs) => void;
}
