import type { EpochMs } from "../../model/time.js";
import type { Report } from "../port/messages.js";
import type { Store } from "../port/store.js";
import { type CountsRow, type ListRow, toMessageList, toMessagesPart } from "../shared/message-list.js";
import {
  countedMessages,
  type Dialect,
  type ListQuery,
  type Query,
  triedMessages,
  untriedMessages,
} from "../shared/message-queries.js";
import { type MessageRow, messageColumns, toStoredMessage } from "../shared/message-rows.js";
import { type Database, type Statement, unflushed } from "./database.js";
import { functionName } from "./functions/set.js";
import { reportsParameter } from "./message-parameters.js";
import { partitionsFrom } from "./partitions.js";

type Operations = Store["messages"];

interface ReportOutcome {
  nth: number;
  outcome: "changed" | "waits";
  message_id: number;
  queued_at: EpochMs;
}

const report: Statement = {
  name: "report_messages",
  text: `SELECT r.nth, r.outcome, r.message_id, r.queued_at FROM ${unflushed}, ${functionName("report_messages")}($1, $2, $3) r`,
};
const reported: Statement = {
  name: "reported_messages",
  text: `SELECT ${messageColumns("m")} FROM unnest($1::bigint[], $2::bigint[]) AS r(message_id, queued_at)
    JOIN messages m ON m.message_id = r.message_id AND m.queued_at = r.queued_at`,
};
const join: Statement = {
  name: "join_redemptions",
  text: `SELECT j.seen, j.noted, j.last_challenge_id, j.last_message_id
    FROM ${unflushed}, ${functionName("join_redemptions")}($1, $2, $3, $4) j`,
};
const sweep: Statement = {
  name: "sweep_messages",
  text: `SELECT swept FROM ${unflushed}, ${functionName("sweep_messages")}($1, $2, $3) swept`,
};
const makePartitions: Statement = {
  name: "make_message_partitions",
  text: `SELECT FROM ${functionName("make_message_partitions")}($1, $2)`,
};
const dropPartitions: Statement = {
  name: "drop_message_partitions",
  text: `SELECT FROM ${functionName("drop_message_partitions")}($1)`,
};

/** How often a process makes and drops partitions. A drop that waits for its lock lets other calls wait, so it is not tried often. */
const partitionsEveryMs = 60_000;

const dialect: Dialect = { parameter: (n) => `$${n}`, plansForAverage: true };
const names = new Map<string, string>();

/** Returns a statement with a name of its own. There are few texts: one for each set of filters. */
function statementOf({ text }: Query): Statement {
  const name = names.get(text) ?? `messages_${names.size + 1}`;
  names.set(text, name);
  return { name, text };
}

export function createMessages(db: Database): Operations {
  let partitionsAt: EpochMs | null = null;
  let joinedUntil = { challengeId: "", messageId: 0 };

  const rowsOf = <Row>(query: Query) => db.rows<Row>(statementOf(query), query.values);

  /** Reads the outbox first: a message that is settled in between then appears once, as the row that it has now. */
  async function list(query: ListQuery) {
    const untried = [untriedMessages("outbox", query, dialect), untriedMessages("outbox_later", query, dialect)];
    const parts: ListRow[][] = [];
    for (const one of [...untried, triedMessages(query, dialect)]) if (one !== null) parts.push(await rowsOf<ListRow>(one));
    return toMessageList(parts, query);
  }

  async function applyReports(
    reports: readonly { readonly report: Report; readonly nth: number }[],
    wait: boolean,
    forwardTo: readonly string[],
  ) {
    return reports.length === 0 ? [] : await db.rows<ReportOutcome>(report, [reportsParameter(reports), wait, forwardTo]);
  }

  async function keepPartitions(now: EpochMs, before: EpochMs): Promise<void> {
    if (partitionsAt !== null && Math.abs(now - partitionsAt) < partitionsEveryMs) return;
    await db.rows(makePartitions, partitionsFrom(now, now));
    await db.rows(dropPartitions, [before]);
    partitionsAt = now;
  }

  return {
    list,
    async get({ messageId, appId }) {
      const filter = { messageId, ...(appId === null ? {} : { appId }) };
      const { messages } = await list({ filter, before: null, limit: 1 });
      return messages[0] ?? null;
    },

    async report(reports, forwardTo = new Set()) {
      const apps = [...forwardTo];
      const first = await applyReports(
        reports.map((one, nth) => ({ report: one, nth })),
        false,
        apps,
      );
      const early = first.filter(({ outcome }) => outcome === "waits");
      const second = await applyReports(
        early.map(({ nth }) => ({ report: reports[nth]!, nth })),
        true,
        apps,
      );
      const changed = [...first, ...second].filter(({ outcome }) => outcome === "changed");
      if (changed.length === 0) return reports.map(() => null);
      const rows = await db.rows<MessageRow>(reported, [
        changed.map(({ message_id }) => message_id),
        changed.map(({ queued_at }) => queued_at),
      ]);
      const byId = new Map(rows.map((row) => [row.message_id, toStoredMessage(row)]));
      const idOf = new Map(changed.map(({ nth, message_id }) => [nth, message_id]));
      return reports.map((_, nth) => byId.get(idOf.get(nth) ?? -1) ?? null);
    },

    stats: async (query) => toMessagesPart(await rowsOf<CountsRow>(countedMessages(query, dialect)), query),

    async joinRedemptions({ now, limit }) {
      const { challengeId, messageId } = joinedUntil;
      const [row] = await db.rows<{ seen: number; noted: number; last_challenge_id: string; last_message_id: number }>(join, [
        challengeId,
        messageId,
        now,
        limit,
      ]);
      const { seen, noted, last_challenge_id, last_message_id } = row!;
      joinedUntil =
        seen < limit ? { challengeId: "", messageId: 0 } : { challengeId: last_challenge_id, messageId: last_message_id };
      return { seen, noted };
    },

    async sweep({ now, before, limit }) {
      await keepPartitions(now, before);
      const [row] = await db.rows<{ swept: number }>(sweep, [now, before, limit]);
      return row!.swept;
    },
  };
}
