import { type DescMethod, fromBinary, type Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Client, Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../gen/client/google/rpc/status_pb.js";
import { grpcMethodDefinition } from "./grpc-definition.js";

/** The server's own limit. */
const timeoutMsDefault = 10_000;

/** Makes one unary call. Rejects with grpc-js's `ServiceError`. */
export function callUnary(
  client: Client,
  method: DescMethod,
  request: Message,
  options: { readonly metadata: Metadata; readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<Message> {
  const { path, requestSerialize, responseDeserialize } = grpcMethodDefinition(method);
  const { metadata, timeoutMs = timeoutMsDefault, signal } = options;
  const settings = { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    const running = client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      settings,
      (error, reply) => {
        signal?.removeEventListener("abort", cancel);
        // Without an error there is a reply.
        if (error === null) resolve(reply!);
        else reject(error);
      },
    );
    const cancel = () => running.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
  });
}

/** The details in the trailer `grpc-status-details-bin` of a `ServiceError`. Empty for any other error. */
export function readStatusDetails(error: unknown): readonly Any[] {
  const metadata = error instanceof Error && "metadata" in error ? error.metadata : null;
  const value = metadata instanceof Metadata ? metadata.get("grpc-status-details-bin")[0] : undefined;
  if (!(value instanceof Uint8Array)) return [];
  try {
    return fromBinary(StatusSchema, value).details;
  } catch {
    // Latchkey sends well-formed details, so a proxy changed them.
    return [];
  }
}
