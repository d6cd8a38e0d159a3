import type { DescEnum } from "@bufbuild/protobuf";
import { commentOf } from "./comments.js";
import type { Json } from "./schemas.js";

/** The HTTP status of each code of Connect that the server sends. */
const codes: Readonly<Record<number, readonly string[]>> = {
  400: ["invalid_argument", "failed_precondition"],
  401: ["unauthenticated"],
  403: ["permission_denied"],
  404: ["not_found"],
  409: ["already_exists"],
  429: ["resource_exhausted"],
  499: ["canceled"],
  500: ["internal"],
  501: ["unimplemented"],
  503: ["unavailable"],
  504: ["deadline_exceeded"],
};

export function errorResponses(): Json {
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
  const retryAfter = {
    description: "Seconds to wait before the call is repeated.",
    schema: { type: "string", pattern: "^[0-9]+$" },
  };
  const responses = Object.entries(codes).map(([status, names]) => {
    const headers = status === "429" || status === "503" ? { headers: { "retry-after": retryAfter } } : {};
    return [status, { description: `The call was refused with the code ${names.join(" or ")}.`, ...headers, content }];
  });
  return Object.fromEntries(responses);
}

/** The body of an error, with its reasons as the proto has them. */
export function errorSchemas(reasons: DescEnum): Json {
  const given = reasons.values.filter(({ number }) => number !== 0);
  const nameOf = (name: string): string => name.replace("ERROR_REASON_", "");
  const lines = given.map((value) => `- \`${nameOf(value.name)}\`: ${commentOf(value).split("\nExample:", 1)[0]}`);
  return {
    Error: {
      type: "object",
      description: "Why a call was refused. Decide by the reason in the detail of type google.rpc.ErrorInfo.",
      properties: {
        code: { type: "string", enum: Object.values(codes).flat(), description: "The code of the Connect protocol." },
        message: { type: "string", description: "What happened and what to do, for people. The wording may change." },
        details: { type: "array", items: { $ref: "#/components/schemas/ErrorDetail" } },
      },
      required: ["code"],
      additionalProperties: false,
      example: {
        code: "resource_exhausted",
        message: "Too many requests. Try again in 27 seconds.",
        details: [
          {
            type: "google.rpc.ErrorInfo",
            value: "ChFUT09fTUFOWV9SRVFVRVNUUxIIbGF0Y2hrZXk",
            debug: { reason: "TOO_MANY_REQUESTS", domain: "latchkey" },
          },
          { type: "google.rpc.RetryInfo", value: "CgIIGw", debug: { retryDelay: "27s" } },
        ],
      },
    },
    ErrorDetail: {
      type: "object",
      properties: {
        type: { type: "string", enum: ["google.rpc.ErrorInfo", "google.rpc.RetryInfo", "google.rpc.BadRequest"] },
        value: { type: "string", description: "The detail as a Protobuf message in base64 without padding." },
        debug: {
          type: "object",
          description: "The same detail as JSON.",
          properties: { reason: { $ref: "#/components/schemas/ErrorReason" } },
        },
      },
      required: ["type", "value"],
      additionalProperties: false,
    },
    ErrorReason: { type: "string", enum: given.map(({ name }) => nameOf(name)), description: lines.join("\n") },
  };
}
