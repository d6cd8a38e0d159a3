import { type DescMessage, type JsonObject, type JsonValue, type MessageShape, toBinary } from "@bufbuild/protobuf";
import type { Idempotency } from "../../auth/idempotency.js";

interface KeyedRequest {
  readonly idempotencyKey: string;
  readonly customAttributes?: JsonObject | undefined;
  readonly appAttributes?: JsonObject | undefined;
}

/**
 * The idempotency key of a request with the canonical form of the request: without the key and unknown fields, objects sorted by
 * key, because some clients shuffle keys at every call. Returns null if the request has no key.
 */
export function toIdempotency<D extends DescMessage>(schema: D, request: MessageShape<D> & KeyedRequest): Idempotency {
  if (request.idempotencyKey === "") return null;
  const customAttributes = request.customAttributes && (sortKeys(request.customAttributes) as JsonObject);
  const appAttributes = request.appAttributes && (sortKeys(request.appAttributes) as JsonObject);
  const sorted = { ...(customAttributes && { customAttributes }), ...(appAttributes && { appAttributes }) };
  const keyless = { ...request, idempotencyKey: "", ...sorted };
  return { key: request.idempotencyKey, request: toBinary(schema, keyless, { writeUnknownFields: false }) };
}

function sortKeys(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sortKeys(inner)]));
}
