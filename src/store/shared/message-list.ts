import type { MessageList, MessagesPart } from "../port/messages.js";
import { type ListQuery, nextOf, type StatsQuery, type Walk } from "./message-queries.js";
import { type MessageRow, toStoredMessage } from "./message-rows.js";

/** A row of a list. Only `Walk` is there if nothing was found. */
export type ListRow = Walk & (MessageRow | { readonly message_id: null });

/** A row of statistics. Only `Walk` is there if nothing was found. */
export type CountsRow = Walk & (Counts | { readonly day: null });

interface Counts {
  readonly day: number;
  readonly country: string | null;
  readonly channel: MessageRow["channel"];
  readonly provider: string | null;
  readonly price_amount: string | null;
  readonly price_currency: string | null;
  readonly messages: number;
  readonly sent: number;
  readonly delivered: number;
  readonly took: string | null;
}

/**
 * Joins what the queries of a list return, each its rows. The list ends where the first of them did not look further. Of a message
 * that several return the last one counts.
 */
export function toMessageList(parts: readonly (readonly ListRow[])[], { filter, limit }: ListQuery): MessageList {
  const end = Math.max(...parts.map((rows) => endOf(rows, filter.from, limit) ?? 0));
  const byId = new Map<number, MessageRow>();
  for (const row of parts.flat()) if (row.message_id !== null && row.message_id >= end) byId.set(row.message_id, row);
  const rows = [...byId.values()].sort((a, b) => b.message_id - a.message_id);
  const shown = rows.slice(0, limit);
  const next = rows.length > limit ? shown.at(-1)!.message_id : end;
  return { messages: shown.map(toStoredMessage), next: next === 0 ? null : next };
}

/** A query with as many rows as asked for may find more below the last one. */
function endOf(rows: readonly ListRow[], from: number | undefined, limit: number): number | null {
  const last = rows.at(-1)!;
  return rows.length === limit && last.message_id !== null ? last.message_id : nextOf(last, from);
}

export function toMessagesPart(rows: readonly CountsRow[], { from }: StatsQuery): MessagesPart {
  const counts = rows.flatMap((row) => {
    if (row.day === null) return [];
    const { day, country, channel, provider, price_amount: amount, price_currency: currency, messages, sent, delivered } = row;
    const price = amount === null || currency === null ? null : { amount, currency };
    const msToVerify = row.took === null ? [] : row.took.split(",").map(Number);
    return [{ day, country, channel, provider, price, messages, sent, delivered, msToVerify }];
  });
  return { counts, next: nextOf(rows[0]!, from) };
}
