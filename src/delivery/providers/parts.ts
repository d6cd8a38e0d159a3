interface PartReceipt {
  readonly messageId: string;
  readonly status: string;
}

/**
 * The ids of long messages, whose parts have a receipt each, so that a receipt of any part moves its message. It forgets the oldest
 * messages beyond `partsMax` ids, and knows nothing of other processes: a receipt of one part then counts for the whole message.
 */
export interface Parts {
  add(ids: readonly string[]): void;
  /** Returns the receipt of the message, named by its first part. Null: other parts are still on their way. */
  receiptOf<Receipt extends PartReceipt>(receipt: Receipt): Receipt | null;
}

interface LongMessage {
  readonly ids: readonly string[];
  readonly missing: Set<string>;
}

export function createParts(partsMax = 10_000): Parts {
  const messages = new Map<string, LongMessage>();
  return {
    add(ids) {
      const message = { ids, missing: new Set(ids) };
      for (const id of ids) messages.set(id, message);
      while (messages.size > partsMax) {
        const [oldest] = messages.values();
        for (const id of oldest!.ids) messages.delete(id);
      }
    },
    receiptOf(receipt) {
      const message = messages.get(receipt.messageId);
      if (message === undefined) return receipt;
      if (receipt.status === "delivered") message.missing.delete(receipt.messageId);
      // A repeated receipt of the last part is passed on again, because the first one was perhaps not taken.
      if (receipt.status === "delivered" && message.missing.size > 0) return null;
      return { ...receipt, messageId: message.ids[0]! };
    },
  };
}
