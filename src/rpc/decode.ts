import { type DescMessage, fromBinary, fromJsonString, type Message } from "@bufbuild/protobuf";
import { AuthError } from "../auth/errors.js";
import type { FieldViolation } from "../model/violation.js";
import { type RawRequest, RequestTooLargeError, requestMaxBytes } from "./raw-request.js";
import { surveyBinary } from "./survey-binary.js";
import { boundJson, surveyJson } from "./survey-json.js";

/** Reads a message. Both formats are refused alike. Throws `AuthError` and `RequestTooLargeError`. */
export function decode(schema: DescMessage, { format, bytes }: RawRequest): Message {
  if (bytes.length > requestMaxBytes(schema)) throw new RequestTooLargeError();
  return format === "json" ? decodeJson(schema, bytes) : decodeBinary(schema, bytes);
}

function decodeBinary(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    surveyBinary(schema, bytes);
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (error) {
    throw error instanceof AuthError ? error : unreadable(malformed);
  }
}

function decodeJson(schema: DescMessage, bytes: Uint8Array): Message {
  try {
    boundJson(bytes);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    surveyJson(schema, JSON.parse(text));
    // A misspelt field must not silently become a default: that would drop the guard of a misspelt `expected_purpose`.
    return fromJsonString(schema, text, { ignoreUnknownFields: false });
  } catch (error) {
    throw error instanceof AuthError ? error : unreadable(whyUnreadable(error));
  }
}

/** The library's message may quote the value that can't be read, which may be a code. So it is neither logged nor sent. */
function unreadable(violation: FieldViolation): AuthError {
  return new AuthError("REQUEST_INVALID", { detail: "the message can't be decoded", violations: [violation] });
}

const malformed: FieldViolation = {
  field: "",
  description: "the message can't be read: it is malformed, or has a field twice or one that is not known",
};

function whyUnreadable(error: unknown): FieldViolation {
  const message = error instanceof Error ? error.message : "";
  const field = /^cannot decode field [\w.]+\.(\w+) from JSON/.exec(message)?.[1];
  if (field !== undefined) return { field, description: "has a value of another type or form than this field's" };
  // Only what looks like a name is repeated: a key of another form may be a misplaced value.
  const unknown = /^cannot decode .* from JSON: key "([A-Za-z_]\w{0,31})" is unknown$/.exec(message)?.[1];
  if (unknown !== undefined) return { field: unknown, description: "is no field of this request: see its name in the proto" };
  return malformed;
}
