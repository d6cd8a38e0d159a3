import type { App } from "./app.js";
import type { Client } from "./client.js";
import type { Policy } from "./policy.js";
import type { Session } from "./session.js";
import type { User } from "./user.js";

/** A client that calls from a network address, with what applies to its calls. */
export interface Caller {
  readonly client: Client;
  readonly app: App;
  /** The app's policy as it was when the call began. Use cases read this one and no other. */
  readonly policy: Policy;
  /** Canonical: IPv4 dotted, IPv6 lower-case and compressed, never an IPv4-mapped IPv6 address. */
  readonly address: string;
  /** What the device calls itself, at most 256 characters without control characters. */
  readonly userAgent: string;
  readonly correlationId: string;
  /** Aborted when the caller went away or the deadline passed. */
  readonly signal: AbortSignal;
}

/** A signed-in user calling through a client. */
export interface UserCaller extends Caller {
  readonly session: Session;
  readonly user: User;
}
