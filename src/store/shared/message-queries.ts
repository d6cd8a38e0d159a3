import type { MessageStatus } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import type { MessageFilter } from "../port/messages.js";
import { messageColumns } from "./message-rows.js";

/** SQL of either engine with its values. */
export interface Query {
  readonly text: string;
  readonly values: readonly unknown[];
}

export interface ListQuery {
  readonly filter: MessageFilter & { readonly messageId?: number };
  readonly before: number | null;
  readonly limit: number;
}

export interface StatsQuery {
  readonly appId: string;
  readonly from: EpochMs;
  readonly to: EpochMs;
  readonly before: number | null;
}

/** How an engine writes queries. */
export interface Dialect {
  /** Writes the n-th parameter, counted from 1. */
  readonly parameter: (n: number) => string;
  /** Whether statements are planned without values, for an average app. */
  readonly plansForAverage: boolean;
}

/** How many rows one query looks at, so that none takes long. */
export const walkMax = 2_000;

const dayMs = 24 * 60 * 60_000;

/** Columns of a message in the outbox, in the order of `messageColumns`. Its country and its carrier are not known yet. */
const queuedColumns =
  "o.message_id, o.queued_at, '' AS reference, c.app_id, c.user_id, c.challenge_id, c.purpose, coalesce(o.channel, c.channel) AS channel, " +
  "c.masked_destination, NULL AS country, NULL AS provider, NULL AS provider_message_id, 'queued' AS status, '' AS cause, " +
  "NULL AS tries, NULL AS segments, NULL AS price_amount, NULL AS price_currency, NULL AS sent_at, NULL AS delivered_at, NULL AS verified_at";

/** Selects messages that have a row. It walks the index of the contact, the user or else the app. */
export function triedMessages({ filter, before, limit }: ListQuery, dialect: Dialect): Query {
  const { values, given, all } = createValues(dialect);
  const [key, ...others] = present(
    ["m.message_id", filter.messageId],
    ["m.contact_key", filter.contactKey],
    ["m.user_id", filter.userId],
    ["m.app_id", filter.appId],
  );
  const fits = present(
    ...others.map(([column, value]) => [`${column} =`, value] as const),
    ["m.status =", filter.status],
    ["m.provider =", filter.provider],
    ["m.queued_at >=", filter.from],
    ["m.queued_at <", filter.to],
  );
  const rows = `SELECT m.* FROM messages m ${below(key, before, dialect, given)} LIMIT ${given(fits.length === 0 ? limit : walkMax)}`;
  const found = `SELECT ${messageColumns("m")} FROM walk m WHERE ${all(fits)}`;
  return { text: `${walk(rows, found)} ORDER BY f.message_id DESC LIMIT ${given(limit)}`, values };
}

/**
 * Selects messages of one table of the outbox that were not tried yet. Null if the filter allows none. The contact's key is
 * compared with the identifier's, which is the same unless the person was named by username or id.
 */
export function untriedMessages(
  table: "outbox" | "outbox_later",
  { filter, before, limit }: ListQuery,
  dialect: Dialect,
): Query | null {
  const allowed: MessageStatus = "queued";
  if ((filter.status ?? allowed) !== allowed || filter.provider !== undefined) return null;
  const { values, given, all } = createValues(dialect);
  const walked = present(["o.outbox_id =", filter.messageId], ["o.outbox_id <", before]);
  const fits = present(
    ["c.app_id =", filter.appId],
    ["c.user_id =", filter.userId],
    ["c.identifier_key =", filter.contactKey],
    ["o.queued_at >=", filter.from],
    ["o.queued_at <", filter.to],
  );
  const rows = `SELECT o.outbox_id AS message_id, o.queued_at, o.challenge_id, o.channel
    FROM ${table} o WHERE ${all(walked)} ORDER BY o.outbox_id DESC LIMIT ${given(walkMax)}`;
  const found = `SELECT ${queuedColumns} FROM walk o JOIN challenges c ON c.challenge_id = o.challenge_id
    WHERE NOT c.decoy AND c.consumed_at IS NULL AND c.cancelled_at IS NULL AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.message_id = o.message_id AND m.queued_at = o.queued_at) AND ${all(fits)}`;
  return { text: `${walk(rows, found)} ORDER BY f.message_id DESC LIMIT ${given(limit)}`, values };
}

/**
 * Counts messages that have a row, by what sums keep apart and by price. `took` has the times to verify, with commas in between. A
 * message counts as verified only if a carrier took it: otherwise another message brought the code.
 */
export function countedMessages({ appId, from, to, before }: StatsQuery, dialect: Dialect): Query {
  const { values, given, all } = createValues(dialect);
  const group = "m.country, m.channel, m.provider, m.price_amount, m.price_currency";
  const rows = `SELECT m.message_id, m.queued_at, ${group}, m.sent_at, m.delivered_at, m.verified_at
    FROM messages m ${below(["m.app_id", appId], before, dialect, given)} LIMIT ${given(walkMax)}`;
  const fits = present(["m.queued_at >=", from], ["m.queued_at <", to]);
  const found = `SELECT m.queued_at - m.queued_at % ${dayMs} AS day, ${group}, count(*) AS messages, count(m.sent_at) AS sent,
    count(m.delivered_at) AS delivered,
    string_agg(CASE WHEN m.sent_at IS NOT NULL THEN CAST(m.verified_at - m.queued_at AS TEXT) END, ',') AS took
    FROM walk m WHERE ${all(fits)} GROUP BY day, ${group}`;
  return { text: walk(rows, found), values };
}

/** What a query says in each of its rows. It has a row also if it finds nothing, with nulls for what it would find. */
export interface Walk {
  /** How many rows it looked at. */
  readonly walked: number;
  /** The lowest id among them. Null if there are none. */
  readonly last: number | null;
  /** When the newest of them was queued. */
  readonly newest: EpochMs | null;
}

/**
 * Selects, in one statement, what is `found` among the rows `walk`, and how far they reach. The limit of `rows` is a parameter:
 * PostgreSQL, which plans without values, then walks the index in order instead of sorting all that it has.
 */
function walk(rows: string, found: string): string {
  return `WITH walk AS MATERIALIZED (${rows})
    SELECT w.walked, w.last, w.newest, f.* FROM (SELECT count(*) AS walked, min(message_id) AS last, max(queued_at) AS newest FROM walk) w
    LEFT JOIN (${found}) f ON true`;
}

/**
 * Selects the messages of `key`, newest first, in the order of its index. A plan for an average app could instead walk the primary
 * key, and so the messages of all apps. It has no index but that of `key` for the order that is asked for here.
 */
function below(
  key: readonly [column: string, value: unknown] | undefined,
  before: number | null,
  { plansForAverage }: Dialect,
  given: (value: unknown) => string,
): string {
  if (key === undefined) return `WHERE m.message_id < ${given(before ?? Number.MAX_SAFE_INTEGER)} ORDER BY m.message_id DESC`;
  const [column, value] = key;
  const [first, id] = [given(value), given(before ?? Number.MAX_SAFE_INTEGER)];
  if (!plansForAverage || column === "m.message_id") {
    return `WHERE ${column} = ${first} AND m.message_id < ${id} ORDER BY m.message_id DESC`;
  }
  return `WHERE ${column} >= ${first} AND (${column}, m.message_id) < (${first}, ${id}) ORDER BY ${column} DESC, m.message_id DESC`;
}

/**
 * Returns the `before` with which a walk goes on; null if nothing follows. Ids grow with time, but clocks differ: a walk ends where
 * all messages are a day older than `from`.
 */
export function nextOf({ walked, last, newest }: Walk, from: EpochMs | undefined): number | null {
  return walked < walkMax || (from !== undefined && newest !== null && newest < from - dayMs) ? null : last;
}

type Condition = readonly [condition: string, value: unknown];

function present(...conditions: readonly Condition[]): readonly Condition[] {
  return conditions.filter(([, value]) => value !== undefined && value !== null);
}

/** Collects values in the order of a text. `given` returns the parameter for a value, `all` conditions that must hold together. */
function createValues({ parameter }: Dialect) {
  const values: unknown[] = [];
  const given = (value: unknown) => parameter(values.push(value));
  const all = (conditions: readonly Condition[]) =>
    conditions.map(([condition, value]) => `${condition} ${given(value)}`).join(" AND ") || "true";
  return { values, given, all };
}
