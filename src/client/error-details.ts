import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/client/google/rpc/error_details_pb.js";
import type { ErrorReason } from "../gen/client/latchkey/v1/error_reason_pb.js";

/** The values of `google.rpc.ErrorInfo.reason` that this version knows. A newer server may send others. */
export type ErrorReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** The details of a failed call, for programs. The status code and the message are on the error itself. */
export interface ErrorDetails {
  /** Null if the error did not come from Latchkey: a network failure, or an answer from a proxy. */
  readonly reason: ErrorReasonName | (string & {}) | null;
  /** Milliseconds to wait before the same call can succeed. Null if waiting does not help or the time is unknown. */
  readonly retryAfterMs: number | null;
  /** The invalid fields of the request. */
  readonly fieldViolations: readonly { readonly field: string; readonly description: string }[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Returns the details of one message type from an error. Each transport has its own implementation. */
export type FindDetails = <Desc extends DescMessage>(schema: Desc) => readonly MessageShape<Desc>[];

export function readErrorDetails(find: FindDetails): ErrorDetails {
  const info = find(ErrorInfoSchema).find(({ domain }) => domain === "latchkey");
  const delay = find(RetryInfoSchema)[0]?.retryDelay;
  return {
    reason: info?.reason ?? null,
    retryAfterMs: delay === undefined ? null : durationMs(delay),
    fieldViolations: find(BadRequestSchema).flatMap(({ fieldViolations }) =>
      fieldViolations.map(({ field, description }) => ({ field, description })),
    ),
    metadata: info?.metadata ?? {},
  };
}
