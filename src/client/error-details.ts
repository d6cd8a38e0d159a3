import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";
import type { ErrorReason } from "../gen/latchkey/v1/error_reason_pb.js";

/** The reasons that this version knows, as in `google.rpc.ErrorInfo.reason`; a newer server may send others. */
export type ErrorReasonName = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** What a refusal says beside its status code and sentence. */
export interface ErrorDetails {
  /** Null: Latchkey did not answer, but the network or something in between. */
  readonly reason: ErrorReasonName | (string & {}) | null;
  /** Milliseconds until the same call can succeed. Null: waiting does not help, or nobody knows how long. */
  readonly retryAfterMs: number | null;
  /** What is wrong with the request, field by field. */
  readonly fieldViolations: readonly { readonly field: string; readonly description: string }[];
  readonly metadata: Readonly<Record<string, string>>;
}

/** Finds the details of a type in an error, whatever protocol it came by. */
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
