import type { DescMessage } from "@bufbuild/protobuf";
import { byteOrderMark, createFieldBudget, refuseByteOrderMark, refusedKey, refuseKey } from "./field-budget.js";

/** 256 custom attributes use at most 512 commas and brackets. 38 are left for the rest of the request. */
const separatorsMax = 550;

const quote = 0x22;
const backslash = 0x5c;
const separators = new Set(Buffer.from(",[{"));

/** Refuses JSON with more values than any request may have, before it is parsed. Throws `AuthError`. */
export function boundJson(json: Uint8Array): void {
  const budget = createFieldBudget(separatorsMax);
  let inText = false;
  for (let at = 0; at < json.length; at += 1) {
    const byte = json[at]!;
    if (byte === quote) inText = !inText;
    else if (byte === backslash) at += 1;
    else if (!inText && separators.has(byte)) budget.spend("");
  }
}

/** Refuses a parsed message with a key or a part of a text that a decoder would drop. Throws `AuthError`. */
export function surveyJson(schema: DescMessage, json: unknown): void {
  function visit(value: unknown, at: string | null): void {
    if (typeof value === "string" && value.startsWith(byteOrderMark)) refuseByteOrderMark(at ?? "");
    if (typeof value !== "object" || value === null) return;
    for (const [key, member] of Object.entries(value)) {
      if (key === refusedKey) refuseKey(at ?? "");
      if (key.startsWith(byteOrderMark)) refuseByteOrderMark(at ?? "");
      visit(member, at ?? nameOf(schema, key));
    }
  }
  visit(json, null);
}

/** JSON has fields by their proto name or by their JSON name. */
function nameOf(schema: DescMessage, key: string): string {
  return schema.fields.find(({ name, jsonName }) => key === name || key === jsonName)?.name ?? "";
}
