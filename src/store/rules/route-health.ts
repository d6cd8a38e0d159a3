import { unverifiedKeptMs, unverifiedMax, verifiedToRestore } from "../../model/route-health.js";
import type { EpochMs } from "../../model/time.js";

/** What is known about a route that has unverified messages. A working route without them has no record. */
export interface RouteHealth {
  /** The networks that requested the unverified messages since the last verified one, in the order in which these were sent. */
  readonly unverified: readonly (readonly [network: string, sentAt: EpochMs])[];
  /** Null: the route is used. */
  readonly failingSince: EpochMs | null;
  /** While it fails: its messages since then that were verified, and those in a row that were not. */
  readonly verified: number;
  readonly misses: number;
  readonly probeAt: EpochMs;
}

export interface Judged {
  readonly sentAt: EpochMs;
  /** Stands for the network that requested the code. */
  readonly network: string;
  readonly isVerified: boolean;
}

/**
 * Returns what is known about a route after one more of its messages was judged, at `now`. Null: nothing speaks against it.
 *
 * A network counts once, so a stranger at one address can't make a route fail. One verified message shows that the route works.
 */
export function afterJudged(known: RouteHealth | null, message: Judged, now: EpochMs): RouteHealth | null {
  if (known !== null && known.failingSince !== null) return afterProbe(known, message, now);
  if (message.isVerified) return null;
  const recent = (known?.unverified ?? []).filter(([, sentAt]) => message.sentAt - sentAt < unverifiedKeptMs);
  const isKnown = recent.some(([network]) => network === message.network);
  const unverified = isKnown ? recent : [...recent, [message.network, message.sentAt] as const];
  const isFailing = unverified.length >= unverifiedMax;
  return {
    unverified: isFailing ? [] : unverified,
    failingSince: isFailing ? now : null,
    verified: 0,
    misses: 0,
    probeAt: now,
  };
}

/** Messages that were sent before the route failed say nothing about whether it works again. */
function afterProbe(known: RouteHealth, { sentAt, isVerified }: Judged, now: EpochMs): RouteHealth | null {
  if (sentAt < known.failingSince!) return known;
  if (!isVerified) return { ...known, misses: known.misses + 1 };
  const verified = known.verified + 1;
  return verified >= verifiedToRestore ? null : { ...known, verified, misses: 0, probeAt: Math.min(known.probeAt, now) };
}
