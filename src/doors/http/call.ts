import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";
import { BadRequestSchema, ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type CallContext, callerGone } from "../../rpc/call-context.js";
import type { wireErrors } from "../../rpc/errors.js";
import type { ServedMethod, ServedService } from "../../rpc/pipeline.js";
import { type CallerReading, readCaller } from "../web/caller.js";
import type { WebRequest, WebResponse } from "../web/types.js";
import { BodyError } from "./body.js";

/** A served method whose messages have known types. */
export type MethodCall<I extends DescMessage, O extends DescMessage> = (
  context: CallContext,
  request: MessageInitShape<I>,
) => Promise<MessageShape<O>>;

/** Returns the method as a function of typed messages. Undefined if it is not served. It rejects with a `ConnectError`. */
export function servedMethod<I extends DescMessage, O extends DescMessage>(
  services: readonly ServedService[],
  method: DescMethodUnary<I, O>,
): MethodCall<I, O> | undefined {
  const served = services
    .flatMap(({ methods }): readonly ServedMethod[] => methods)
    .find((one) => one.method.name === method.name && one.method.parent.typeName === method.parent.typeName);
  if (served === undefined) return undefined;
  return async (context, request) => {
    const bytes = encoded(method.input, request);
    // Safe: the method's answers are of its output type.
    return (await served.call(context, { format: "binary", bytes })) as MessageShape<O>;
  };
}

/** Throws `BodyError` for values that no message can hold, such as nesting without end. */
function encoded<I extends DescMessage>(schema: I, request: MessageInitShape<I>): Uint8Array {
  try {
    return toBinary(schema, create(schema, request));
  } catch {
    throw new BodyError(400, "The request has a value that can't be read.");
  }
}

/** Reads the headers of a plain HTTP request. Its calls have no cookie. */
export function contextOf(request: WebRequest, response: WebResponse, reading: CallerReading): CallContext {
  const context = { ...readCaller(request, { ...reading, door: "http" }), cookie: null, timeoutMs: Number.POSITIVE_INFINITY };
  response.once("close", () => {
    if (!response.writableEnded) context.abort.abort(callerGone);
  });
  return context;
}

/** What a refusal says, for doors that write it in a shape of their own. */
export interface Refusal {
  readonly reason: keyof typeof wireErrors;
  readonly message: string;
  /** The first invalid field, if the reason is REQUEST_INVALID. */
  readonly violation: { readonly field: string; readonly description: string } | undefined;
  /** Seconds, as text. */
  readonly retryAfter: string | null;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Returns null if the error is no refusal of the pipeline. */
export function refusalOf(error: unknown): Refusal | null {
  if (!(error instanceof ConnectError)) return null;
  const [info] = error.findDetails(ErrorInfoSchema);
  if (info === undefined) return null;
  return {
    reason: info.reason as Refusal["reason"],
    message: error.rawMessage,
    violation: error.findDetails(BadRequestSchema)[0]?.fieldViolations[0],
    retryAfter: error.metadata.get("retry-after"),
    metadata: info.metadata,
  };
}
