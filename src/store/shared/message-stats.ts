import { sumOf } from "../../lib/exact-sum.js";
import type { Channel } from "../../model/channel.js";
import type { Price } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import type { DeliveryStats } from "../port/messages.js";

interface Group {
  day: EpochMs;
  app_id: string;
  country: string | null;
  channel: Channel;
  provider: string | null;
}

export type CountsRow = Group & { sent: number; delivered: number; verified: number };
export type PriceRow = Group & { amount: string; currency: string; count: number };
export type MedianRow = Group & { took: number };

/** Joins what the queries of stats return, ordered by day, app, country, channel and provider. Missing values come first. */
export function toStats(
  counts: readonly CountsRow[],
  prices: readonly PriceRow[],
  medians: readonly MedianRow[],
): DeliveryStats[] {
  const pricesOf = groupBy(prices, nameOf);
  const medianOf = new Map(medians.map((row) => [nameOf(row), row.took]));
  return counts
    .map((row) => ({ name: nameOf(row), row }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, row }) => ({
      day: row.day,
      appId: row.app_id,
      country: row.country,
      channel: row.channel,
      provider: row.provider,
      sent: row.sent,
      delivered: row.delivered,
      verified: row.verified,
      cost: costOf(pricesOf.get(name) ?? []),
      medianMsToVerify: medianOf.get(name) ?? null,
    }));
}

function costOf(prices: readonly PriceRow[]): Price[] {
  return [...groupBy(prices, ({ currency }) => currency)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([currency, rows]) => ({ currency, amount: sumOf(rows) }));
}

function nameOf({ day, app_id, country, channel, provider }: Group): string {
  return [String(day).padStart(16, "0"), app_id, country ?? "", channel, provider ?? ""].join("\0");
}

function groupBy<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const row of rows) {
    const group = groups.get(keyOf(row));
    if (group === undefined) groups.set(keyOf(row), [row]);
    else group.push(row);
  }
  return groups;
}
