import { type AccountsDeps, appFor } from "../accounts/deps.js";
import type { Actor } from "../apps/actor.js";
import { invalidField } from "../auth/errors.js";
import type { EpochMs } from "../model/time.js";
import type { DeliveryStats } from "../store/port/messages.js";

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

/** Sums up the messages of an app by day, country, channel and carrier. Throws REQUEST_INVALID for a time that is too long. */
export async function getDeliveryStats(
  deps: AccountsDeps,
  actor: Actor,
  input: GetDeliveryStatsInput,
): Promise<readonly DeliveryStats[]> {
  const { appId } = await appFor(deps, actor, input.appId);
  const to = input.to ?? deps.clock() + 1;
  const from = input.from ?? to - daysDefault * dayMs;
  if (from >= to) throw invalidField("to", "must be later than from");
  if (to - from > daysMax * dayMs) throw invalidField("from", `must be at most ${daysMax} days before to`);
  const rows = await deps.store.messages.stats({ appId, from, to });
  if (rows.length > rowsMax) throw invalidField("from", `covers more than ${rowsMax} sums: choose a shorter time`);
  return rows;
}
