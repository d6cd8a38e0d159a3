import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { invalidField } from "./errors.js";

const bytesMax = 8 * 1024;
const depthMax = 5;
const keysMax = 64;
/** Keys that change the meaning of objects they are copied into. The decoder of messages drops `__proto__` before it gets here. */
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** JSON text of custom attributes within their bounds; they stay text from here on and are never merged into anything. */
export function customAttributesText(attributes: JsonObject | undefined): string {
  if (attributes === undefined || Object.keys(attributes).length === 0) return "";
  let keys = 0;
  const visit = (value: JsonValue, depth: number): void => {
    if (value === null || typeof value !== "object") return;
    if (depth > depthMax) throw refused(`must not be nested deeper than ${depthMax} levels`);
    for (const [key, member] of Object.entries(value)) {
      if (!Array.isArray(value)) keys += 1;
      if (refusedKeys.has(key)) throw refused(`must not have the key ${key}`);
      if (keys > keysMax) throw refused(`must not have more than ${keysMax} keys`);
      visit(member, depth + 1);
    }
  };
  visit(attributes, 1);
  const text = JSON.stringify(attributes);
  if (Buffer.byteLength(text) > bytesMax) throw refused(`must not be larger than ${bytesMax} bytes as JSON`);
  return text;
}

function refused(description: string): Error {
  return invalidField("custom_attributes", description);
}
