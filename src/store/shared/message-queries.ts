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

/** Writes the n-th parameter, counted from 1. */
type Parameter = (n: number) => string;

/** Columns of a message in the outbox, in the order of `messageColumns`. Its country and its carrier are not known yet. */
const queuedColumns =
  "o.outbox_id AS message_id, o.queued_at, '' AS reference, c.app_id, c.user_id, c.challenge_id, c.purpose, coalesce(o.channel, c.channel) AS channel, " +
  "c.masked_destination, NULL AS country, NULL AS provider, NULL AS provider_message_id, 'queued' AS status, '' AS cause, " +
  "NULL AS tries, NULL AS segments, NULL AS price_amount, NULL AS price_currency, NULL AS sent_at, NULL AS delivered_at, NULL AS verified_at";

/** Selects messages that have a row. */
export function triedMessages({ filter, before, limit }: ListQuery, parameter: Parameter): Query {
  return select(`SELECT ${messageColumns("m")} FROM messages m`, {
    conditions: [
      ["m.message_id =", filter.messageId],
      ["m.app_id =", filter.appId],
      ["m.user_id =", filter.userId],
      ["m.contact_key =", filter.contactKey],
      ["m.status =", filter.status],
      ["m.provider =", filter.provider],
      ["m.queued_at >=", filter.from],
      ["m.queued_at <", filter.to],
      ["m.message_id <", before ?? undefined],
    ],
    order: "m.message_id",
    limit,
    parameter,
  });
}

/**
 * Selects messages of one table of the outbox that were not tried yet. Null if the filter allows none. The contact's key is
 * compared with the identifier's, which is the same unless the person was named by username or id.
 */
export function untriedMessages(
  table: "outbox" | "outbox_later",
  { filter, before, limit }: ListQuery,
  parameter: Parameter,
): Query | null {
  const allowed: MessageStatus = "queued";
  if ((filter.status ?? allowed) !== allowed || filter.provider !== undefined) return null;
  const from =
    `SELECT ${queuedColumns} FROM ${table} o JOIN challenges c ON c.challenge_id = o.challenge_id ` +
    "WHERE NOT c.decoy AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.message_id = o.outbox_id AND m.queued_at = o.queued_at)";
  return select(from, {
    conditions: [
      ["o.outbox_id =", filter.messageId],
      ["c.app_id =", filter.appId],
      ["c.user_id =", filter.userId],
      ["c.identifier_key =", filter.contactKey],
      ["o.queued_at >=", filter.from],
      ["o.queued_at <", filter.to],
      ["o.outbox_id <", before ?? undefined],
    ],
    order: "o.outbox_id",
    limit,
    parameter,
  });
}

function select(
  from: string,
  rest: {
    readonly conditions: readonly (readonly [condition: string, value: unknown])[];
    readonly order: string;
    readonly limit: number;
    readonly parameter: Parameter;
  },
): Query {
  const given = rest.conditions.filter(([, value]) => value !== undefined);
  const conditions = given.map(([condition], index) => `${condition} ${rest.parameter(index + 1)}`);
  const where = conditions.length === 0 ? "" : `${from.includes(" WHERE ") ? " AND" : " WHERE"} ${conditions.join(" AND ")}`;
  const limit = rest.parameter(given.length + 1);
  return {
    text: `${from}${where} ORDER BY ${rest.order} DESC LIMIT ${limit}`,
    values: [...given.map(([, value]) => value), rest.limit],
  };
}

export interface StatsQuery {
  readonly appId: string | null;
  readonly from: EpochMs;
  readonly to: EpochMs;
}

const day = "m.queued_at - m.queued_at % 86400000";
const group = "day, app_id, country, channel, provider";
const selected = `SELECT ${day} AS day, m.app_id, m.country, m.channel, m.provider`;

function statsWhere({ appId, from, to }: StatsQuery, parameter: Parameter) {
  const app = appId === null ? "" : ` AND m.app_id = ${parameter(3)}`;
  return {
    where: `WHERE m.queued_at >= ${parameter(1)} AND m.queued_at < ${parameter(2)}${app}`,
    values: appId === null ? [from, to] : [from, to, appId],
  };
}

/** Counts messages. A message counts as verified only if a carrier took it: otherwise another message brought the code. */
export function countsOfMessages(query: StatsQuery, parameter: Parameter): Query {
  const { where, values } = statsWhere(query, parameter);
  const count = (condition: string) => `sum(CASE WHEN ${condition} THEN 1 ELSE 0 END)`;
  return {
    text: `${selected}, ${count("m.sent_at IS NOT NULL")} AS sent, ${count("m.delivered_at IS NOT NULL")} AS delivered,
      ${count("m.sent_at IS NOT NULL AND m.verified_at IS NOT NULL")} AS verified
      FROM messages m ${where} GROUP BY ${group}`,
    values,
  };
}

/** Counts the messages of each price. There are few prices, so that the caller can sum up exactly. */
export function pricesOfMessages(query: StatsQuery, parameter: Parameter): Query {
  const { where, values } = statsWhere(query, parameter);
  return {
    text: `${selected}, m.price_amount AS amount, m.price_currency AS currency, count(*) AS count
      FROM messages m ${where} AND m.price_amount IS NOT NULL GROUP BY ${group}, amount, currency`,
    values,
  };
}

/** Selects the median time to verify: of an even number of times the lower one in the middle. */
export function mediansOfMessages(query: StatsQuery, parameter: Parameter): Query {
  const { where, values } = statsWhere(query, parameter);
  return {
    text: `SELECT ${group}, took FROM (
        SELECT ${group}, took, row_number() OVER (PARTITION BY ${group} ORDER BY took) AS place, count(*) OVER (PARTITION BY ${group}) AS count
        FROM (${selected}, m.verified_at - m.queued_at AS took FROM messages m ${where}
          AND m.verified_at IS NOT NULL AND m.sent_at IS NOT NULL) AS times
      ) AS ranked WHERE place = (count + 1) / 2`,
    values,
  };
}
