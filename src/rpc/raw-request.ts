import type { DescMessage } from "@bufbuild/protobuf";
import { StructSchema } from "@bufbuild/protobuf/wkt";

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
const withStructMaxBytes = 32 * kibibyte;
/** The largest field of other requests is a token of 4 KiB. */
const plainMaxBytes = 8 * kibibyte;

/** The largest message that a method with this input reads. */
export function requestMaxBytes(input: DescMessage): number {
  const hasStruct = input.fields.some(({ message }) => message?.typeName === StructSchema.typeName);
  return hasStruct ? withStructMaxBytes : plainMaxBytes;
}
