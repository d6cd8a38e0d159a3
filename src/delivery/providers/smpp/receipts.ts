import smpp, { type PDU } from "smpp";
import type { DeliveryReport } from "../../provider.js";

/** What a delivery receipt says about one submit_sm. */
export interface SmppReceipt {
  /** In the form that `comparableIds` gives it. */
  readonly messageId: string;
  readonly status: DeliveryReport["status"];
  readonly cause: string;
}

/**
 * Some message centers write an id in hexadecimal in submit_sm_resp and in decimal in the text of the receipt, or the other way
 * round. `decimal` and `hex` name the form in receipts. Null: both have the same form.
 */
export type ReceiptIdForm = "hex" | "decimal" | null;

/** Returns functions that bring the ids of both sides to the form of receipts. An id that is no number stays as it is. */
export function comparableIds(form: ReceiptIdForm) {
  const plain = (id: string): string => (/^[0-9a-f]+$/i.test(id) ? id.toLowerCase().replace(/^0+(?=.)/, "") : id);
  const hexToDecimal = (id: string): string => (/^[0-9a-f]{1,32}$/i.test(id) ? BigInt(`0x${id}`).toString(10) : id);
  const decimalToHex = (id: string): string => (/^[0-9]{1,38}$/.test(id) ? BigInt(id).toString(16) : id);
  if (form === null) return { ofAnswer: (id: string) => id, ofReceipt: (id: string) => id };
  return { ofAnswer: form === "decimal" ? hexToDecimal : decimalToHex, ofReceipt: plain };
}

type State = readonly [name: string, status: DeliveryReport["status"]];

/** message_state, SMPP 3.4 §5.2.28, and the first and last of 5.0. */
const states: readonly State[] = [
  ["SCHEDULED", "sent"],
  ["ENROUTE", "sent"],
  ["DELIVERED", "delivered"],
  ["EXPIRED", "expired"],
  ["DELETED", "failed"],
  ["UNDELIVERABLE", "undelivered"],
  ["ACCEPTED", "sent"],
  ["UNKNOWN", "undelivered"],
  ["REJECTED", "failed"],
  ["SKIPPED", "failed"],
];

/** Texts of receipts shorten the names to seven letters: SMPP 3.4 appendix B. `BUFFERED` is a common addition. */
const stateOf = (text: string): State | undefined => states.find(([name]) => name.startsWith(abbreviations[text] ?? text));
const abbreviations: Readonly<Record<string, string>> = {
  DELIVRD: "DELIVERED",
  UNDELIV: "UNDELIVERABLE",
  ACCEPTD: "ACCEPTED",
  REJECTD: "REJECTED",
  BUFFERED: "ENROUTE",
};

/**
 * Reads a deliver_sm or data_sm. Returns null if it is no receipt, and `unreadable` if it is one that names no message or state.
 * Its fields (TLVs) come first, then its text.
 */
export function readReceipt(pdu: PDU, form: ReceiptIdForm): SmppReceipt | "unreadable" | null {
  const { receipted_message_id: fieldId, message_state: fieldState } = pdu;
  // SMPP 3.4 §5.2.12: bits 5-2 are 0001 for a delivery receipt and 1000 for an intermediate notification.
  const type = Number(pdu.esm_class) & 0x3c;
  if (type !== 0x04 && type !== 0x20 && fieldId === undefined) return null;
  const ids = comparableIds(form);
  // The rest of the text repeats the message, which may contain anything.
  const text = textOf(pdu).split(/\btext:/i)[0]!;
  const textId = /\bid:\s*([^\s]{1,64})/i.exec(text)?.[1];
  const messageId = typeof fieldId === "string" && fieldId !== "" ? ids.ofAnswer(fieldId) : textId && ids.ofReceipt(textId);
  const textState = /\bstat:\s*([A-Z]{5,13})\b/i.exec(text)?.[1]?.toUpperCase();
  const state = (typeof fieldState === "number" ? states[fieldState] : undefined) ?? (textState && stateOf(textState));
  if (!messageId || !state) return "unreadable";
  const [name, status] = state;
  return { messageId, status, cause: status === "delivered" || status === "sent" ? "" : `${name}${errorOf(pdu, text)}` };
}

/** Returns `, error …` with the code of the network, or an empty text. Only the vendor's documents say what it means. */
function errorOf(pdu: PDU, text: string): string {
  const { network_error_code: field } = pdu;
  const code = Buffer.isBuffer(field) && field.length === 3 ? String(field.readUInt16BE(1)) : undefined;
  const error = code ?? /\berr:\s*([0-9A-Za-z]{1,8})\b/i.exec(text)?.[1];
  return error === undefined || /^0+$/.test(error) ? "" : `, error ${error}`;
}

/**
 * Receipts are ASCII in practice, even where data_coding says GSM 03.38. The library decodes them by GSM 03.38, which changes "_",
 * "@" and "$" in ids, so its decoding is reversed.
 */
function textOf(pdu: PDU): string {
  for (const value of [pdu.short_message, pdu.message_payload]) {
    const message = typeof value === "object" && value !== null && "message" in value ? value.message : value;
    if (Buffer.isBuffer(message) && message.length > 0) return message.toString("latin1");
    if (typeof message !== "string" || message === "") continue;
    const isDefault = [0, 1].includes(Number(pdu.data_coding ?? 0) & 0x0f);
    return isDefault ? smpp.encodings.ASCII.encode(message).toString("latin1") : message;
  }
  return "";
}
