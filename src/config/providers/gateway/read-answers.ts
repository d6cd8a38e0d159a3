import {
  type AnswerRule,
  type Gateway,
  gatewayErrorKinds,
  type PricePointer,
  type ReceiptPointers,
} from "../../../model/gateway.js";
import {
  child,
  fieldsOf,
  isMissing,
  itemsOf,
  type Node,
  pointerOf,
  refuse,
  requiredPointerOf,
  textOf,
  wordOf,
} from "./node.js";

const ruleFields = ["status", "conditions"];
const receiptFields = ["message_id", "segments", "price"];

export function readSuccess(node: Node): Gateway["success"] {
  fieldsOf(node, [...ruleFields, ...receiptFields]);
  return { ...readRule(node, [[200, 299]]), ...readReceipt(node) };
}

export function readErrors(node: Node): Gateway["errors"] {
  if (isMissing(node)) return [];
  return itemsOf(node).map((item) => {
    fieldsOf(item, [...ruleFields, "kind"]);
    if (isMissing(child(item, "status")) && isMissing(child(item, "conditions"))) {
      refuse(item, "would match every answer: add status, conditions or both");
    }
    return { ...readRule(item, [[100, 599]]), kind: wordOf(child(item, "kind"), gatewayErrorKinds) };
  });
}

function readRule(node: Node, statuses: AnswerRule["statuses"]): AnswerRule {
  const status = child(node, "status");
  const conditions = child(node, "conditions");
  return {
    statuses: isMissing(status) ? statuses : (Array.isArray(status.value) ? itemsOf(status) : [status]).map(readStatus),
    conditions: isMissing(conditions) ? [] : itemsOf(conditions).map(readCondition),
  };
}

function readStatus(node: Node): readonly [number, number] {
  const { value } = node;
  if (typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 599) return [value, value];
  const hundreds = typeof value === "string" ? /^([1-5])xx$/.exec(value)?.[1] : undefined;
  if (hundreds !== undefined) return [Number(hundreds) * 100, Number(hundreds) * 100 + 99];
  refuse(node, "must be an HTTP status such as 429, or 5xx");
  return [0, 0];
}

function readCondition(node: Node): AnswerRule["conditions"][number] {
  fieldsOf(node, ["pointer", "equals"]);
  const equals = child(node, "equals");
  const values = Array.isArray(equals.value) ? itemsOf(equals) : [equals];
  return {
    pointer: requiredPointerOf(child(node, "pointer")),
    values: values.map((item) => {
      if (["string", "number", "boolean"].includes(typeof item.value)) return String(item.value);
      refuse(item, isMissing(item) ? "is missing: add a value or a list of values" : "must be a text, a number, true or false");
      return "";
    }),
  };
}

export const receiptNames: readonly string[] = receiptFields;

export function readReceipt(node: Node): ReceiptPointers {
  return {
    messageId: pointerOf(child(node, "message_id")),
    segments: pointerOf(child(node, "segments")),
    price: readPrice(child(node, "price")),
  };
}

function readPrice(node: Node): PricePointer | null {
  if (isMissing(node)) return null;
  const names = fieldsOf(node, ["text", "amount", "currency", "currency_code"]).map(([name]) => name);
  if (names.includes("text")) {
    if (names.length > 1) refuse(node, "must have either text alone, or amount and a currency");
    return { text: requiredPointerOf(child(node, "text")) };
  }
  const amount = requiredPointerOf(child(node, "amount"));
  const code = child(node, "currency_code");
  if (isMissing(code)) return { amount, currency: requiredPointerOf(child(node, "currency")) };
  if (names.includes("currency")) refuse(node, "must have either currency or currency_code");
  return { amount, currencyCode: textOf(code, { pattern: /^[A-Z]{3}$/, form: "a currency such as EUR" }) };
}
