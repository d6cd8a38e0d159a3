import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { FieldViolation } from "./violation.js";

const bytesMax = 8 * 1024;
const depthMax = 5;
const keysMax = 64;
/** Counts values of keys and items of lists. A nested object or list counts as one value. */
const valuesMax = 256;
/** Keys that change the meaning of objects they are copied into. Decoding already rejects `__proto__`. */
const refusedKeys = new Set(["__proto__", "constructor", "prototype"]);

/** Returns custom attributes as `attributesText` does. */
export function customAttributesText(attributes: JsonObject | undefined): string | FieldViolation {
  return attributesText("custom_attributes", attributes);
}

/**
 * Returns attributes as JSON text, or the limit that they exceed, with the name of their field. From here on they stay text and
 * are never merged into an object. Empty attributes are an empty text.
 */
export function attributesText(field: string, attributes: JsonObject | undefined): string | FieldViolation {
  if (attributes === undefined || Object.keys(attributes).length === 0) return "";
  const count = { keys: 0, values: 0 };
  const text = (): string => JSON.stringify(attributes);
  const excess =
    excessOfMembers(attributes, { count, depth: 1 }) ??
    (Buffer.byteLength(text()) > bytesMax ? `must not be larger than ${bytesMax} bytes as JSON` : null);
  return excess === null ? text() : { field, description: excess };
}

interface Place {
  /** Shared by all places in one object. */
  readonly count: { keys: number; values: number };
  readonly depth: number;
}

/** Returns the first limit that the members of an object exceed, or null if there is none. */
function excessOfMembers(object: JsonObject, place: Place): string | null {
  for (const [key, value] of Object.entries(object)) {
    place.count.keys += 1;
    if (place.count.keys > keysMax) return `must not have more than ${keysMax} keys`;
    if (refusedKeys.has(key)) return `must not have the key ${key}`;
    const excess = excessOfText(key) ?? excessOfValue(value, place);
    if (excess !== null) return excess;
  }
  return null;
}

function excessOfValue(value: JsonValue, { count, depth }: Place): string | null {
  count.values += 1;
  if (count.values > valuesMax) return `must not have more than ${valuesMax} values`;
  if (typeof value === "string") return excessOfText(value);
  if (typeof value === "number" && !Number.isFinite(value)) return "must not have a number that is not finite";
  if (typeof value !== "object" || value === null) return null;
  const inside = { count, depth: depth + 1 };
  if (inside.depth > depthMax) return `must not be nested deeper than ${depthMax} levels`;
  if (!Array.isArray(value)) return excessOfMembers(value, inside);
  for (const item of value) {
    const excess = excessOfValue(item, inside);
    if (excess !== null) return excess;
  }
  return null;
}

/** PostgreSQL's JSON functions reject NUL, and UTF-8 has no form for a lone surrogate. */
function excessOfText(text: string): string | null {
  if (text.includes("\0")) return "must not have a NUL character";
  return /\p{Surrogate}/u.test(text) ? "must be valid Unicode" : null;
}
