import { type Channel, channels } from "../../model/channel.js";
import type { EpochMs } from "../../model/time.js";
import type { Provider } from "../provider.js";

export interface InboxMessage {
  readonly to: string;
  readonly channel: Channel;
  readonly text: string;
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
    async send({ to, channel, text, code, challengeId }) {
      oldestFirst.push({ to: to.value, channel, text, code, challengeId, at: new Date(clock()).toISOString() });
      // Cut in blocks: moving the whole list for each message would cost more than the message.
      if (oldestFirst.length >= 2 * messagesMax) oldestFirst = oldestFirst.slice(-messagesMax);
      return { kind: "sent", detail: "kept" };
    },
    list(to) {
      const kept = oldestFirst.slice(-messagesMax).reverse();
      return to === undefined ? kept : kept.filter((message) => message.to === to);
    },
    async close() {},
  };
}
