/** Rows of messages and reports as both engines store them. */
import type { Purpose } from "../../model/challenge.js";
import type { Channel } from "../../model/channel.js";
import {
  type MessageStatus,
  type MessageTry,
  messageStatuses,
  movesForward,
  type Price,
  type StoredMessage,
} from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import type { EndedTry, Report } from "../port/messages.js";
import { columns } from "./columns.js";

export interface MessageRow {
  message_id: number;
  queued_at: EpochMs;
  reference: string;
  app_id: string;
  user_id: string | null;
  challenge_id: string;
  purpose: Purpose;
  channel: Channel;
  masked_destination: string;
  country: string | null;
  provider: string | null;
  provider_message_id: string | null;
  status: MessageStatus;
  cause: string;
  /** JSON in SQLite, parsed in PostgreSQL. Null if the message is in the outbox and was not tried yet. */
  tries: string | readonly MessageTry[] | null;
  segments: number | null;
  price_amount: string | null;
  price_currency: string | null;
  sent_at: EpochMs | null;
  delivered_at: EpochMs | null;
  verified_at: EpochMs | null;
}

const messageNames =
  "message_id queued_at reference app_id user_id challenge_id purpose channel masked_destination country provider provider_message_id " +
  "status cause tries segments price_amount price_currency sent_at delivered_at verified_at";

/** Lists the columns of a message that operators see. `of` is a table or alias. */
export const messageColumns = (of: string) => columns(messageNames, of);

export function toStoredMessage(row: MessageRow): StoredMessage {
  const { price_amount: amount, price_currency: currency } = row;
  const tries = typeof row.tries === "string" ? (JSON.parse(row.tries) as MessageTry[]) : (row.tries ?? []);
  return {
    messageId: row.message_id,
    appId: row.app_id,
    userId: row.user_id,
    challengeId: row.challenge_id,
    purpose: row.purpose,
    channel: row.channel,
    maskedDestination: row.masked_destination,
    country: row.country,
    provider: row.provider,
    providerMessageId: row.provider_message_id,
    status: row.status,
    cause: row.cause,
    // Two processes may append tries in another order than these ended.
    tries: [...tries].sort((a, b) => a.endedAt - b.endedAt),
    segments: row.segments,
    price: amount === null || currency === null ? null : { amount, currency },
    queuedAt: row.queued_at,
    sentAt: row.sent_at,
    deliveredAt: row.delivered_at,
    verifiedAt: row.verified_at,
  };
}

/** A message as its first try makes it. */
export type NewMessageRow = Omit<MessageRow, "tries"> & { contact_key: Uint8Array | null; tries: readonly MessageTry[] };

/** Returns the row that an ended try makes if the message has none yet. */
export function rowOfTry(given: EndedTry): NewMessageRow {
  const { message, ended, status } = given;
  const price = checkedPrice(given.price);
  const detail = plainText(ended.detail);
  return {
    message_id: given.messageId,
    queued_at: message.queuedAt,
    reference: idText(given.reference)!,
    app_id: message.appId,
    user_id: message.userId,
    challenge_id: message.challengeId,
    purpose: message.purpose,
    channel: message.channel,
    masked_destination: message.maskedDestination,
    contact_key: given.contactKey,
    country: message.country,
    provider: ended.provider === "" ? null : ended.provider,
    provider_message_id: idText(given.providerMessageId),
    status,
    cause: status === "sent" ? "" : detail,
    tries: [{ provider: ended.provider, result: ended.result, endedAt: ended.endedAt, detail }],
    segments: checkedSegments(given.segments),
    price_amount: price?.amount ?? null,
    price_currency: price?.currency ?? null,
    sent_at: ended.result === "sent" ? ended.endedAt : null,
    delivered_at: null,
    verified_at: null,
  };
}

/** Returns what differs in the row of a message that ends because its challenge has ended. It keeps its carrier. */
export function lapseOf(ended: MessageTry): Pick<NewMessageRow, "status" | "cause" | "provider" | "tries"> {
  return { status: "expired", cause: plainText(ended.detail), provider: null, tries: [ended] };
}

/** SQL that ends the messages that wait for another try, when everything outstanding ends. */
export const endQueued =
  "UPDATE messages SET status = 'expired', cause = 'all codes were ended before the next try' WHERE awaits_redemption AND status = 'queued'";

/** A report that waits for its message. Empty texts stand for what the carrier did not give. */
export interface ReportRow {
  provider: string;
  reference: string;
  provider_message_id: string;
  status: Report["status"];
  cause: string;
  segments: number | null;
  price_amount: string | null;
  price_currency: string | null;
  reported_at: EpochMs;
}

export function rowOfReport(report: Report): ReportRow {
  const price = checkedPrice(report.price);
  return {
    provider: report.provider,
    reference: idText(report.reference) ?? "",
    provider_message_id: idText(report.providerMessageId) ?? "",
    status: report.status,
    cause: plainText(report.cause),
    segments: checkedSegments(report.segments),
    price_amount: price?.amount ?? null,
    price_currency: price?.currency ?? null,
    reported_at: report.reportedAt,
  };
}

/** SQL for the rank of a status: a message moves forward to a status of a higher rank only. See `movesForward`. */
export function rankOf(status: string): string {
  const ranks = messageStatuses.map((to) => [to, messageStatuses.filter((from) => movesForward(from, to)).length] as const);
  return `CASE ${status} ${ranks.map(([name, rank]) => `WHEN '${name}' THEN ${rank}`).join(" ")} END`;
}

/** Returns null for a price that could not be summed up. */
function checkedPrice(price: Price | null): Price | null {
  return price !== null && /^-?[0-9]{1,12}(\.[0-9]{1,12})?$/.test(price.amount) && /^[A-Z]{3}$/.test(price.currency)
    ? price
    : null;
}

/** Returns null for what is no count of parts. A number that the column can't hold would fail the whole batch of results. */
function checkedSegments(segments: number | null): number | null {
  return segments !== null && Number.isInteger(segments) && segments > 0 && segments <= 1_000 ? segments : null;
}

/** Carriers' ids are short. A longer one would not fit into an index of PostgreSQL. */
const idLengthMax = 255;

/** Returns an id of a carrier as it is stored and compared. Null if it is missing or empty. */
function idText(id: string | null): string | null {
  return id === null || id === "" ? null : plainText(id).slice(0, idLengthMax);
}

/** Replaces what PostgreSQL's texts and JSON can't hold: U+0000 and unpaired surrogates. */
function plainText(text: string): string {
  return Buffer.from(text).toString().replaceAll("\0", "\ufffd");
}
