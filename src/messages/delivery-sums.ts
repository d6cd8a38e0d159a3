import { sumOf } from "../lib/exact-sum.js";
import type { Price } from "../model/message.js";
import type { MessageCounts } from "../store/port/messages.js";

/** The messages of one day, country, channel and carrier. */
export interface DeliveryStats extends Pick<MessageCounts, "day" | "country" | "channel" | "provider" | "sent" | "delivered"> {
  /** Of those that were sent, the messages whose code was redeemed. A code that several messages carried counts for each. */
  readonly verified: number;
  /** Exact sums of the known prices, one a currency, without trailing zeros. */
  readonly cost: readonly Price[];
  /** The median time from queueing to redemption. Null if none was redeemed. Of an even number, the lower one in the middle. */
  readonly medianMsToVerify: number | null;
}

export interface DeliverySums {
  add(counts: readonly MessageCounts[]): void;
  /** How many sums there are. */
  size(): number;
  /** Returns the sums by day, country, channel and carrier. Missing values come first. */
  stats(): readonly DeliveryStats[];
}

/** Adds up counts of messages. The result does not depend on how they were divided. */
export function createDeliverySums(): DeliverySums {
  const groups = new Map<string, MessageCounts[]>();
  return {
    add(counts) {
      for (const one of counts) add(groups, nameOf(one), one);
    },
    size: () => groups.size,
    stats: () => [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, counts]) => toStats(counts)),
  };
}

function toStats(counts: readonly MessageCounts[]): DeliveryStats {
  const { day, country, channel, provider } = counts[0]!;
  const times = counts.flatMap(({ msToVerify }) => msToVerify).sort((a, b) => a - b);
  const total = (of: "sent" | "delivered") => counts.reduce((sum, one) => sum + one[of], 0);
  return {
    ...{ day, country, channel, provider, cost: costOf(counts) },
    sent: total("sent"),
    delivered: total("delivered"),
    verified: times.length,
    medianMsToVerify: times[(times.length - 1) >> 1] ?? null,
  };
}

function costOf(counts: readonly MessageCounts[]): Price[] {
  const byCurrency = new Map<string, { amount: string; count: number }[]>();
  for (const { price, messages } of counts) {
    if (price !== null) add(byCurrency, price.currency, { amount: price.amount, count: messages });
  }
  return [...byCurrency]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, amounts]) => ({ currency, amount: sumOf(amounts) }));
}

function nameOf({ day, country, channel, provider }: MessageCounts): string {
  return [String(day).padStart(16, "0"), country ?? "", channel, provider ?? ""].join("\0");
}

function add<T>(groups: Map<string, T[]>, name: string, one: T): void {
  const group = groups.get(name);
  if (group === undefined) groups.set(name, [one]);
  else group.push(one);
}
