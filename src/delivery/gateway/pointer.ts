import type { Pointer, PricePointer, ReceiptPointers } from "../../model/gateway.js";
import type { Price } from "../../model/message.js";
import type { Receipt } from "../provider.js";

/** Returns the value at a JSON pointer (RFC 6901), or undefined if there is none. */
export function valueAt(document: unknown, pointer: Pointer): unknown {
  let value = document;
  for (const token of pointer) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, token)) return undefined;
    value = (value as Record<string, unknown>)[token];
  }
  return value;
}

/** Returns a text, number or truth value as text, or null for anything else. */
export function wordAt(document: unknown, pointer: Pointer | null): string | null {
  const value = pointer === null ? undefined : valueAt(document, pointer);
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/** Returns what an answer or report says about its message. Values of another form count as unknown. */
export function receiptAt(document: unknown, { messageId, segments, price }: ReceiptPointers): Receipt {
  const id = wordAt(document, messageId);
  const count = wordAt(document, segments);
  return {
    providerMessageId: id !== null && /^[\x21-\x7e]{1,200}$/.test(id) ? id : null,
    segments: count !== null && /^[1-9]\d{0,2}$/.test(count) ? Number(count) : null,
    price: price === null ? null : priceAt(document, price),
  };
}

const amountPattern = /^\d{1,12}(?:\.\d{1,12})?$/;
const pricePattern = /^(?:([A-Z]{3}) ?(\d{1,12}(?:\.\d{1,12})?)|(\d{1,12}(?:\.\d{1,12})?) ?([A-Z]{3}))$/;

function priceAt(document: unknown, pointer: PricePointer): Price | null {
  if ("text" in pointer) {
    const match = pricePattern.exec(wordAt(document, pointer.text) ?? "");
    return match === null ? null : { amount: match[2] ?? match[3]!, currency: match[1] ?? match[4]! };
  }
  const amount = wordAt(document, pointer.amount);
  const currency = "currencyCode" in pointer ? pointer.currencyCode : wordAt(document, pointer.currency);
  if (amount === null || currency === null || !amountPattern.test(amount) || !/^[A-Z]{3}$/.test(currency)) return null;
  return { amount, currency };
}
