import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { AuthError, invalidField } from "../auth/errors.js";
import type { EpochMs } from "../model/time.js";
import { createDeliverySums, type DeliveryStats } from "./delivery-sums.js";

export interface GetDeliveryStatsDeps extends AccountsDeps {
  /** How many calls sum up messages now, by app. Shared by all calls of the process. */
  readonly summing: Map<string, number>;
}

export interface GetDeliveryStatsInput {
  /** Empty: the app of the actor. */
  readonly appId: string;
  /** Undefined: 7 days before `to`. */
  readonly from: EpochMs | undefined;
  /** Undefined: now. */
  readonly to: EpochMs | undefined;
}

const dayMs = 86_400_000;
const daysDefault = 7;
const daysMax = 31;
/** Answers may be 256 KiB large. A row takes up to about 120 bytes. */
const rowsMax = 2_000;

/** How many calls may sum up messages of one app at a time. Each looks at some thousand messages, and then at the next ones. */
const summingMax = 2;
const retryAfterMs = 1_000;

/**
 * Sums up the messages of an app by day, country, channel and carrier. Other calls run in between. It stops when the caller leaves or
 * the deadline passes. Throws REQUEST_INVALID for a time that is too long, and OVERLOADED if the app is being summed up already.
 */
export async function getDeliveryStats(
  deps: GetDeliveryStatsDeps,
  actor: Actor,
  input: GetDeliveryStatsInput,
): Promise<readonly DeliveryStats[]> {
  const { appId } = await appFor(deps, actor, input.appId);
  const to = input.to ?? deps.clock() + 1;
  const from = input.from ?? to - daysDefault * dayMs;
  if (from >= to) throw invalidField("to", "must be later than from");
  if (to - from > daysMax * dayMs) throw invalidField("from", `must be at most ${daysMax} days before to`);
  const { summing } = deps;
  const others = summing.get(appId) ?? 0;
  if (others >= summingMax) throw new AuthError("OVERLOADED", { detail: "the app is being summed up already", retryAfterMs });
  summing.set(appId, others + 1);
  try {
    return await sumUp(deps, { appId, from, to }, actor.source.signal);
  } finally {
    summing.set(appId, summing.get(appId)! - 1);
  }
}

async function sumUp(
  { store }: AccountsDeps,
  query: { readonly appId: string; readonly from: EpochMs; readonly to: EpochMs },
  signal: AbortSignal,
): Promise<readonly DeliveryStats[]> {
  const sums = createDeliverySums();
  let before: number | null = null;
  do {
    const { counts, next } = await store.messages.stats({ ...query, before });
    sums.add(counts);
    if (sums.size() > rowsMax) throw invalidField("from", `covers more than ${rowsMax} sums: choose a shorter time`);
    before = next;
    await new Promise((resolve) => setImmediate(resolve));
    signal.throwIfAborted();
  } while (before !== null);
  return sums.stats();
}
