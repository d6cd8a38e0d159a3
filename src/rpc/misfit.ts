import { type DescField, type DescMessage, enumFromJson, fromJson, type JsonValue } from "@bufbuild/protobuf";

/**
 * Returns the proto name of the first field of a JSON message whose value has not the form of its message or enum, or null. The
 * library names the type of such a field, but not the field.
 */
export function misfitOf(schema: DescMessage, json: unknown): string | null {
  if (!isObject(json)) return null;
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find(({ name, jsonName }) => key === name || key === jsonName);
    if (field === undefined || field.fieldKind === "map" || value === null) continue;
    for (const item of field.fieldKind === "list" && Array.isArray(value) ? value : [value]) {
      if (!hasForm(field, item)) return field.name;
      const inner = field.message === undefined || isWellKnown(field.message) ? null : misfitOf(field.message, item);
      if (inner !== null) return inner;
    }
  }
  return null;
}

/** Scalars count as right, because the library names their fields. */
function hasForm({ message, enum: words }: DescField, value: JsonValue): boolean {
  try {
    if (words !== undefined) enumFromJson(words, value as string);
    if (message === undefined) return true;
    if (!isWellKnown(message) || message.typeName === "google.protobuf.Struct") return isObject(value);
    fromJson(message, value);
    return true;
  } catch {
    return false;
  }
}

/** Durations, times, masks and structs have JSON forms of their own. */
function isWellKnown({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

function isObject(value: unknown): value is { readonly [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
