import type { Channel } from "./channel.js";
import type { EpochMs } from "./time.js";

/** A way to the phones of a country: what is learned about one says nothing about another. */
export interface RouteKey {
  /** The name of the carrier in the deployment. */
  readonly provider: string;
  readonly channel: Channel;
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
}

/** A route whose messages are not verified. Other carriers are used first, and a few messages probe it. */
export interface FailingRoute extends RouteKey {
  readonly since: EpochMs;
  /** Of its messages since then: how many were verified, and how many in a row were not. */
  readonly verified: number;
  readonly misses: number;
  /** When the next message may probe it. */
  readonly probeAt: EpochMs;
}

/** A message is judged this long after a carrier took it. */
export const judgedAfterMs = 120_000;

/**
 * A route fails when this many messages in a row were not verified, each requested from another network. If 30 % of the codes of an
 * app are entered, a working route fails once in 700 messages by chance; if 50 % are, once in 65,000.
 */
export const unverifiedMax = 15;

/** A network that requested an unverified message counts for this long, and once at a time. */
export const unverifiedKeptMs = 24 * 60 * 60_000;

/** A failing route is used again when this many messages sent since it failed were verified. */
export const verifiedToRestore = 2;

const firstProbeMs = 60_000;
const probeMaxMs = 10 * 60_000;

/** Returns how long after a probe the next one may be sent: a minute, doubling with each unverified probe to ten minutes. */
export function probeWait({ misses }: Pick<FailingRoute, "misses">): number {
  return Math.min(firstProbeMs * 2 ** Math.min(misses, 10), probeMaxMs);
}

export function routeName({ provider, channel, country }: RouteKey): string {
  return `${provider} ${channel} ${country}`;
}
