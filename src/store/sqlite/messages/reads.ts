import type { Database, Statement } from "better-sqlite3";
import type { EpochMs } from "../../../model/time.js";
import type { Store } from "../../port/store.js";
import {
  countsOfMessages,
  type ListQuery,
  mediansOfMessages,
  pricesOfMessages,
  type Query,
  type StatsQuery,
  triedMessages,
  untriedMessages,
} from "../../shared/message-queries.js";
import { type MessageRow, toStoredMessage } from "../../shared/message-rows.js";
import { type CountsRow, type MedianRow, type PriceRow, toStats } from "../../shared/message-stats.js";
import type { Writer } from "../writer.js";

const dayMs = 24 * 60 * 60_000;
const parameter = () => "?";

export function createMessageReads(db: Database, writer: Writer): Pick<Store["messages"], "get" | "list" | "stats"> {
  const statements = new Map<string, Statement<unknown[]>>();
  const bounds = db.prepare<[], { first: EpochMs | null; last: EpochMs | null }>(
    "SELECT (SELECT min(queued_at) FROM messages) AS first, (SELECT max(queued_at) FROM messages) AS last",
  );

  function rowsOf<Row>({ text, values }: Query): Row[] {
    const statement = statements.get(text) ?? db.prepare(text);
    statements.set(text, statement);
    return statement.all(...values) as Row[];
  }

  function read(query: ListQuery) {
    const untried = [untriedMessages("outbox", query, parameter), untriedMessages("outbox_later", query, parameter)];
    const rows = [triedMessages(query, parameter), ...untried].flatMap((one) => (one === null ? [] : rowsOf<MessageRow>(one)));
    return rows
      .sort((a, b) => b.message_id - a.message_id)
      .slice(0, query.limit)
      .map(toStoredMessage);
  }

  function statsOfDay(query: StatsQuery) {
    return toStats(
      rowsOf<CountsRow>(countsOfMessages(query, parameter)),
      rowsOf<PriceRow>(pricesOfMessages(query, parameter)),
      rowsOf<MedianRow>(mediansOfMessages(query, parameter)),
    );
  }

  return {
    get: ({ messageId, appId }) =>
      writer.readTogether(() => {
        const filter = { messageId, ...(appId === null ? {} : { appId }) };
        return read({ filter, before: null, limit: 1 })[0] ?? null;
      }),
    list: (query) => writer.readTogether(() => read(query)),

    // A day at a time, so that other calls run in between.
    async stats({ appId, from, to }) {
      const { first, last } = await writer.read(() => bounds.get()!);
      if (first === null || last === null) return [];
      const stats = [];
      const end = Math.min(to, last + 1);
      for (let start = Math.max(from, first); start < end; ) {
        const next = Math.min(end, (Math.floor(start / dayMs) + 1) * dayMs);
        stats.push(...(await writer.readTogether(() => statsOfDay({ appId, from: start, to: next }))));
        await new Promise((resolve) => setImmediate(resolve));
        start = next;
      }
      return stats;
    },
  };
}
