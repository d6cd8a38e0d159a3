import type { App } from "./app.js";
import type { Client } from "./client.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";
import type { User } from "./user.js";

/** A client that calls from a network address, with everything that applies to its calls. */
export interface Caller {
  readonly client: Client;
  readonly app: App;
  /** The app's policy at the start of the call. Use cases read only this one. */
  readonly policy: Policy;
  /** In canonical form: IPv4 dotted; IPv6 lower-case and compressed, never an IPv4-mapped address. */
  readonly address: string;
  /** The device's own description, at most 256 characters without control characters. */
  readonly userAgent: string;
  readonly correlationId: string;
  /** Aborted when the caller disconnects or the deadline passes. */
  readonly signal: AbortSignal;
}

/** A signed-in user calling through a client. */
export interface UserCaller extends Caller {
  readonly session: Session;
  readonly user: User;
}
