import { randomBytes } from "node:crypto";
import type { Message } from "../provider.js";
import { segmentsOf } from "./smpp/segments.js";

/**
 * Returns the reference that receipts of a text repeat. Each part has a receipt of its own, without the number of parts. So the
 * reference of a text in several parts names their number, and the try, because another try has other parts.
 */
export function clientRefOf({ sendKey, text }: Pick<Message, "sendKey" | "text">): string {
  const count = segmentsOf(text, 0).parts.length;
  return count === 1 ? sendKey : `${sendKey}-${count}-${randomBytes(4).toString("hex")}`;
}

/** Reads what `clientRefOf` made. A reference of another form is that of a text in one part. */
export function readClientRef(ref: string): { readonly sendKey: string; readonly count: number } {
  const [, sendKey = ref, count = "1"] = /^(\w+)-([1-9]\d{0,2})-[0-9a-f]{8}$/.exec(ref) ?? [];
  return { sendKey, count: Number(count) };
}

/**
 * The parts of long texts that arrived. It forgets the oldest texts beyond `textsMax`, and knows nothing of other processes: a text
 * whose receipts come to several processes never counts as whole.
 */
export interface ArrivedParts {
  /** Notes that a part arrived. Returns whether all parts of its text have. A repeated receipt counts once. */
  add(part: { readonly ref: string; readonly count: number; readonly messageId: string }): boolean;
}

export function createArrivedParts(textsMax = 10_000): ArrivedParts {
  const texts = new Map<string, Set<string>>();
  return {
    add({ ref, count, messageId }) {
      const arrived = texts.get(ref) ?? new Set();
      texts.set(ref, arrived.add(messageId));
      if (texts.size > textsMax) texts.delete(texts.keys().next().value!);
      return arrived.size >= count;
    },
  };
}
