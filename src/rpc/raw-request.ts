import { type DescField, type DescMessage, getOption } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";
import { field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** A request as its caller sent it. */
export interface RawRequest {
  readonly format: "binary" | "json";
  readonly bytes: Uint8Array;
}

/** The message is larger than its method reads. */
export class RequestTooLargeError extends Error {
  override readonly name = "RequestTooLargeError";
}

const kibibyte = 1024;

/**
 * Four times the 8 KiB of custom attributes, because JSON escapes and the overhead of small values in binary make them longer. The
 * protos name this limit, because JSON that writes every letter as an escape takes six times as many bytes.
 */
const largeMaxBytes = 32 * kibibyte;
/** The largest field of other requests is a token of 4 KiB. */
const plainMaxBytes = 8 * kibibyte;

/** Every call asks, and the rules of fields are decoded each time. */
const known = new Map<DescMessage, number>();

/** The largest message that a method with this input reads. */
export function requestMaxBytes(input: DescMessage): number {
  const max = known.get(input) ?? maxBytesOf(input);
  known.set(input, max);
  return max;
}

function maxBytesOf(input: DescMessage): number {
  const hasStruct = input.fields.some(({ message }) => message?.typeName === StructSchema.typeName);
  return hasStruct || input.fields.some(isLongText) ? largeMaxBytes : plainMaxBytes;
}

/** Returns whether a field takes a longer text than other requests may be, such as the description of a gateway. */
function isLongText(field: DescField): boolean {
  const { type } = getOption(field, fieldRules);
  return type.case === "string" && Number(type.value.maxLen) > plainMaxBytes;
}
