import type pg from "pg";
import { codeOf } from "../../lib/error-code.js";
import type { EpochMs } from "../../model/time.js";
import { functionName } from "./functions/set.js";

/** Partitions are made for today and this many days more. */
const daysAhead = 2;
const dayMs = 24 * 60 * 60_000;
const readOnly = "25006";

/** Returns the parameters of `make_message_partitions`. */
export function partitionsFrom(from: EpochMs, now: EpochMs): [from: EpochMs, to: EpochMs] {
  return [from, now + daysAhead * dayMs];
}

/** Makes the missing partitions of messages. A server that accepts no writes keeps those that it has. */
export async function makePartitions(
  client: pg.Client,
  { from, now }: { readonly from: EpochMs; readonly now: EpochMs },
): Promise<void> {
  const text = `SELECT FROM ${functionName("make_message_partitions")}($1, $2)`;
  await client.query(text, partitionsFrom(from, now)).catch((error: unknown) => {
    if (codeOf(error) !== readOnly) throw error;
  });
}
