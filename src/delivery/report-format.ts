import { uuidOf } from "../lib/uuid.js";
import type { ReportFormat } from "../model/app.js";
import type { MessageStatus, StoredMessage } from "../model/message.js";
import type { Forward } from "../store/port/forwards.js";

/** How a hook hears of a change, and how it says that it has it. */
export interface ReportShape {
  /** Whether the body has the whole address or number. */
  readonly namesDestination: boolean;
  /** Returns the body as JSON. `destination` is masked if the whole one is not known any more. */
  bodyOf(message: StoredMessage, change: Forward, destination: string): string;
  /** Returns whether the body of an answer with a status of the 2xx class says that the app has it. */
  isTaken(answer: string): boolean;
}

/** `docs/delivery.md` has the shapes. */
export const reportShapes: Readonly<Record<ReportFormat, ReportShape>> = {
  latchkey: { namesDestination: false, bodyOf: ownBody, isTaken: () => true },
  beem: { namesDestination: true, bodyOf: beemBody, isTaken: isTakenByBeem },
};

function ownBody(message: StoredMessage, { status, cause, changedAt }: Forward): string {
  return JSON.stringify({
    type: "message.status_changed",
    timestamp: new Date(changedAt).toISOString(),
    data: {
      // A string, as in the JSON of the API.
      message_id: String(message.messageId),
      app_id: message.appId,
      user_id: message.userId,
      challenge_id: message.challengeId,
      channel: message.channel,
      provider: message.provider,
      provider_message_id: message.providerMessageId,
      status,
      cause,
      masked_destination: message.maskedDestination,
      segments: message.segments,
      price: message.price,
    },
  });
}

/** The words that Beem's reports have for a status. */
export const beemStatuses: Readonly<Record<MessageStatus, "PENDING" | "DELIVERED" | "UNDELIVERED">> = {
  queued: "PENDING",
  sent: "PENDING",
  expired: "UNDELIVERED",
  failed: "UNDELIVERED",
  undelivered: "UNDELIVERED",
  delivered: "DELIVERED",
  test: "DELIVERED",
};

/** The request id is the id of the pin. Beem's numbers have no plus sign, and its name of the status is capitalised. */
function beemBody({ messageId, challengeId }: StoredMessage, { status }: Forward, destination: string): string {
  return JSON.stringify({
    request_id: uuidOf(challengeId),
    recipient_id: messageId,
    dest_addr: destination.replace(/^\+/, ""),
    Status: beemStatuses[status],
  });
}

/** Beem's samples answer `"true"` and `"TRUE"`. */
function isTakenByBeem(answer: string): boolean {
  try {
    const { successful } = JSON.parse(answer) as { successful?: unknown };
    return String(successful).toLowerCase() === "true";
  } catch {
    return false;
  }
}
