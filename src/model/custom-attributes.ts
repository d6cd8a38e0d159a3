import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { invalidField } from "../auth/errors.js";

const bytesMax = 8 * 1024;
const depthMax = 5;
const keysMax = 64;
/** Those of keys and those in lists; an object and a list are one each. */
const valuesMax = 256;
/** Keys that change the meaning of objects they are copied into. Decoding refuses `__proto__` already. */
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** JSON text of custom attributes within their bounds; they stay text from here on and are never merged into anything. */
export function customAttributesText(attributes: JsonObject | undefined): string {
  if (attributes === undefined || Object.keys(attributes).length === 0) return "";
  const count = { keys: 0, values: 0 };
  for (const [key, value] of Object.entries(attributes)) checkMember(key, value, { count, depth: 1 });
  const text = JSON.stringify(attributes);
  if (Buffer.byteLength(text) > bytesMax) throw refused(`must not be larger than ${bytesMax} bytes as JSON`);
  return text;
}

interface Place {
  /** Shared by all places of one object. */
  readonly count: { keys: number; values: number };
  readonly depth: number;
}

function checkMember(key: string, value: JsonValue, place: Place): void {
  place.count.keys += 1;
  if (place.count.keys > keysMax) throw refused(`must not have more than ${keysMax} keys`);
  if (refusedKeys.has(key)) throw refused(`must not have the key ${key}`);
  checkText(key);
  checkValue(value, place);
}

function checkValue(value: JsonValue, { count, depth }: Place): void {
  count.values += 1;
  if (count.values > valuesMax) throw refused(`must not have more than ${valuesMax} values`);
  if (typeof value === "string") checkText(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw refused("must not have a number that JSON can't hold");
  if (typeof value !== "object" || value === null) return;
  const inside = { count, depth: depth + 1 };
  if (inside.depth > depthMax) throw refused(`must not be nested deeper than ${depthMax} levels`);
  if (Array.isArray(value)) for (const item of value) checkValue(item, inside);
  else for (const [key, member] of Object.entries(value)) checkMember(key, member, inside);
}

/** PostgreSQL's JSON functions refuse NUL; half of a surrogate pair has no UTF-8. */
function checkText(text: string): void {
  if (text.includes("\0")) throw refused("must not have a NUL character");
  if (/\p{Surrogate}/u.test(text)) throw refused("must be valid Unicode");
}

function refused(description: string): Error {
  return invalidField("custom_attributes", description);
}
