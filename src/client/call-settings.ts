import type { Transport } from "@connectrpc/connect";
import type { Sleep } from "./retries.js";

/** How a client reaches the deployment, in either mode. */
export interface CallSettings {
  /** The URL of the deployment's HTTP port: `https://auth.example.com`. In a browser `/` means the page's own host. */
  readonly baseUrl: string;
  /** The client id, sent as `x-latchkey-client`. Default: the deployment's default client. */
  readonly clientId?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
  /** A transport to use instead of Connect over `fetch`: gRPC-Web, for example. The option `fetch` then has no effect. */
  readonly transport?: Transport;
  /** Milliseconds since 1970. Default: the device's clock. */
  readonly clock?: () => number;
  /** Waits between attempts. Default: a timer. */
  readonly sleep?: Sleep;
}

/** How long each attempt to end a session may take. */
export const revokeTimeoutMs = 10_000;

export function sleepByTimer(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
