import { type Channel, channels } from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";
import type { Message, Provider } from "../provider.js";

export interface InboxMessage {
  readonly to: string;
  readonly channel: Channel;
  /** The sender of an SMS that the call or its route names, or the name that a mail comes from. Left out: the carrier's. */
  readonly from?: string;
  /** Left out: it is no mail. */
  readonly subject?: string;
  readonly text: string;
  /** Empty: it is a notice. */
  readonly code: string;
  readonly challengeId: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Inbox extends Provider {
  /** Returns messages, newest first. With `to` it returns only those to exactly that destination. */
  list(to?: string): readonly InboxMessage[];
}

/** Keeps the latest messages of every channel in memory, for development and tests. Nothing leaves the process. */
export function createInbox(clock: () => EpochMs, messagesMax = 200): Inbox {
  let oldestFirst: InboxMessage[] = [];
  return {
    name: "inbox",
    channels,
    async send(message) {
      oldestFirst.push(kept(message, clock()));
      // Cut in blocks: moving the whole list for each message would cost more than the message.
      if (oldestFirst.length >= 2 * messagesMax) oldestFirst = oldestFirst.slice(-messagesMax);
      return { kind: "sent", detail: "kept" };
    },
    list(to) {
      const latest = oldestFirst.slice(-messagesMax).reverse();
      return to === undefined ? latest : latest.filter((message) => message.to === to);
    },
    async close() {},
  };
}

function kept({ to, channel, senderId, senderName, subject, text, code, challengeId }: Message, now: EpochMs): InboxMessage {
  const from = channel === "email" ? senderName : (senderId ?? "");
  return {
    ...{ to: to.value, channel },
    ...(from !== "" && { from }),
    ...(subject !== "" && { subject }),
    ...{ text, code, challengeId, at: new Date(now).toISOString() },
  };
}
