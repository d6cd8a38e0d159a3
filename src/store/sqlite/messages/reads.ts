import type { Database, Statement } from "better-sqlite3";
import type { Store } from "../../port/store.js";
import { type CountsRow, type ListRow, toMessageList, toMessagesPart } from "../../shared/message-list.js";
import {
  countedMessages,
  type Dialect,
  type ListQuery,
  type Query,
  triedMessages,
  untriedMessages,
} from "../../shared/message-queries.js";
import type { Writer } from "../writer.js";

const dialect: Dialect = { parameter: () => "?", plansForAverage: false };

export function createMessageReads(db: Database, writer: Writer): Pick<Store["messages"], "get" | "list" | "stats"> {
  const statements = new Map<string, Statement<unknown[]>>();

  function rowsOf<Row>({ text, values }: Query): Row[] {
    const statement = statements.get(text) ?? db.prepare(text);
    statements.set(text, statement);
    return statement.all(...values) as Row[];
  }

  function read(query: ListQuery) {
    const untried = [untriedMessages("outbox", query, dialect), untriedMessages("outbox_later", query, dialect)];
    const queries = [...untried, triedMessages(query, dialect)].filter((one) => one !== null);
    return toMessageList(queries.map(rowsOf<ListRow>), query);
  }

  return {
    get: ({ messageId, appId }) =>
      writer.readTogether(() => {
        const filter = { messageId, ...(appId === null ? {} : { appId }) };
        return read({ filter, before: null, limit: 1 }).messages[0] ?? null;
      }),
    list: (query) => writer.readTogether(() => read(query)),
    stats: (query) => writer.read(() => toMessagesPart(rowsOf<CountsRow>(countedMessages(query, dialect)), query)),
  };
}
