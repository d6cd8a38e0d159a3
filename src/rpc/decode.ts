import { type DescMessage, fromBinary, fromJsonString, type Message } from "@bufbuild/protobuf";
import { AuthError } from "../auth/errors.js";
import type { FieldViolation } from "../model/violation.js";
import { misfitOf } from "./misfit.js";
import { type RawRequest, RequestTooLargeError, requestMaxBytes } from "./raw-request.js";
import { surveyBinary } from "./survey-binary.js";
import { boundJson, surveyJson } from "./survey-json.js";

/** Reads a message, with the same refusals for both formats. Throws `AuthError` and `RequestTooLargeError`. */
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
  let json: unknown;
  try {
    boundJson(bytes);
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    json = JSON.parse(text);
    surveyJson(schema, json);
    // A misspelt field must not silently become a default. For example, a misspelt `expected_purpose` would guard nothing.
    return fromJsonString(schema, text, { ignoreUnknownFields: false });
  } catch (error) {
    throw error instanceof AuthError ? error : unreadable(whyUnreadable(schema, json, error));
  }
}

/** The library's own message is neither logged nor sent, because it may quote the unreadable value, which may be a code. */
function unreadable(violation: FieldViolation): AuthError {
  return new AuthError("REQUEST_INVALID", { detail: "the message can't be decoded", violations: [violation] });
}

const malformed: FieldViolation = {
  field: "",
  description:
    "the request cannot be read: it is malformed, has a field twice, an unknown field, or a value of the wrong type or form",
};

function whyUnreadable(schema: DescMessage, json: unknown, error: unknown): FieldViolation {
  const message = error instanceof Error ? error.message : "";
  const field = /^cannot decode field [\w.]+\.(\w+) from JSON/.exec(message)?.[1];
  if (field !== undefined) return wrongForm(field);
  // Repeat only what looks like a name: a key of another form may be a misplaced value.
  const unknown = /^cannot decode .* from JSON: key "([A-Za-z_]\w{0,31})" is unknown$/.exec(message)?.[1];
  if (unknown !== undefined)
    return { field: unknown, description: "is not a field of this request: check its name in the API reference" };
  const misfit = misfitOf(schema, json);
  return misfit === null ? malformed : wrongForm(misfit);
}

function wrongForm(field: string): FieldViolation {
  return { field, description: "has a value of the wrong type or form: see the field in the API reference" };
}
