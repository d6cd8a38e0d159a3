import type { StoredMessage } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import { type Fields, fieldLines, timeText } from "../apps/output.js";

/** The stable JSON form of a message. It has neither the code nor the whole destination. Times are RFC 3339 texts. */
export function messageFields(message: StoredMessage): Fields {
  const { price } = message;
  return {
    message_id: message.messageId,
    app_id: message.appId,
    user_id: message.userId,
    challenge_id: message.challengeId,
    purpose: message.purpose,
    channel: message.channel,
    masked_destination: message.maskedDestination,
    country: message.country,
    provider: message.provider,
    provider_message_id: message.providerMessageId,
    status: message.status,
    cause: message.cause,
    segments: message.segments,
    price: price && { amount: price.amount, currency: price.currency },
    queued_at: timeText(message.queuedAt),
    sent_at: timeOrNull(message.sentAt),
    delivered_at: timeOrNull(message.deliveredAt),
    verified_at: timeOrNull(message.verifiedAt),
    tries: message.tries.map(({ provider, result, endedAt, detail }) => ({
      provider,
      result,
      ended_at: timeText(endedAt),
      detail,
    })),
  };
}

/** The message for people, one value a line and one line a try. */
export function messageLines(message: StoredMessage): readonly string[] {
  const { tries: _tries, ...rest } = messageFields(message);
  const tries = message.tries.map(
    ({ provider, result, endedAt, detail }) =>
      `${"try".padEnd(22)} ${timeText(endedAt)} ${[provider, result].filter(Boolean).join(" ")}${detail === "" ? "" : `: ${detail}`}`,
  );
  return [...fieldLines(rest), ...tries];
}

/** The message for people in one line. */
export function messageLine({
  messageId,
  queuedAt,
  status,
  channel,
  provider,
  country,
  maskedDestination,
  cause,
}: StoredMessage): string {
  return [
    String(messageId).padStart(8),
    timeText(queuedAt),
    status.padEnd(11),
    channel.padEnd(8),
    (provider ?? "-").padEnd(12),
    (country ?? "-").padEnd(2),
    maskedDestination || "-",
    cause,
  ]
    .join(" ")
    .trimEnd();
}

function timeOrNull(at: EpochMs | null): string | null {
  return at === null ? null : timeText(at);
}
