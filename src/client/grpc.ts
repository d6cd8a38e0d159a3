import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type ChannelCredentials, Client, type ClientOptions, Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../gen/client/google/rpc/status_pb.js";
import { AuthService } from "../gen/client/latchkey/v1/auth_service_pb.js";
import { type ErrorDetails, readErrorDetails } from "./error-details.js";
import { grpcMethodDefinition } from "./grpc-definition.js";

export type { ErrorDetails, ErrorReasonName } from "./error-details.js";
export { grpcMethodDefinition, grpcServiceDefinition } from "./grpc-definition.js";

export interface GrpcCallOptions {
  /** Sent with the call: `authorization`, for example. */
  readonly metadata?: Metadata;
  /** Default: 10,000, which is also the server's limit. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

type Methods = typeof AuthService.method;

/**
 * AuthService over native gRPC, for backends. Methods throw grpc-js's `ServiceError`; `errorDetails` reads it. The client stores no
 * session: pass the user's access token in `metadata`.
 */
export type GrpcClient = {
  readonly [Name in keyof Methods]: (
    request: MessageInitShape<Methods[Name]["input"]>,
    options?: GrpcCallOptions,
  ) => Promise<MessageShape<Methods[Name]["output"]>>;
} & {
  /** Closes the channel. Calls in progress finish. */
  close(): void;
};

export interface GrpcClientOptions {
  /** The client id, sent as `x-latchkey-client`. Default: the deployment's default client. */
  readonly clientId?: string;
  /** Options of the grpc-js channel. */
  readonly channel?: ClientOptions;
}

const timeoutMsDefault = 10_000;

/** Creates a client. It connects at the first call. `address` is `host:port`. */
export function createGrpcClient(
  address: string,
  credentials: ChannelCredentials,
  options: GrpcClientOptions = {},
): GrpcClient {
  const client = new Client(address, credentials, options.channel);
  const methods = AuthService.methods.map((method) => {
    const { path, requestSerialize, responseDeserialize } = grpcMethodDefinition(method);
    const call = (init: MessageInitShape<DescMessage>, callOptions: GrpcCallOptions = {}) =>
      new Promise((resolve, reject) => {
        const request = create(method.input, init);
        const metadata = callOptions.metadata?.clone() ?? new Metadata();
        if (options.clientId !== undefined && metadata.get("x-latchkey-client").length === 0) {
          metadata.set("x-latchkey-client", options.clientId);
        }
        const { timeoutMs = timeoutMsDefault, signal } = callOptions;
        const settings: CallOptions = { deadline: Date.now() + timeoutMs };
        const running = client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadata,
          settings,
          (error, reply) => {
            signal?.removeEventListener("abort", cancel);
            if (error === null) resolve(reply);
            else reject(error);
          },
        );
        const cancel = () => running.cancel();
        if (signal?.aborted) cancel();
        signal?.addEventListener("abort", cancel, { once: true });
      });
    return [method.localName, call] as const;
  });
  return { ...Object.fromEntries(methods), close: () => client.close() } as unknown as GrpcClient;
}

/**
 * Reads the details of a failed call from the trailer `grpc-status-details-bin`. For any other error, `reason` is null and the lists
 * are empty.
 */
export function errorDetails(error: unknown): ErrorDetails {
  const bytes = readStatus(error);
  if (bytes === null) return readErrorDetails(() => []);
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    return readErrorDetails((schema) => details.flatMap((detail) => anyUnpack(detail, schema) ?? []));
  } catch {
    // Latchkey sends well-formed details, so a proxy changed them.
    return readErrorDetails(() => []);
  }
}

function readStatus(error: unknown): Uint8Array | null {
  const metadata = error instanceof Error && "metadata" in error ? error.metadata : null;
  const value = metadata instanceof Metadata ? metadata.get("grpc-status-details-bin")[0] : undefined;
  return value instanceof Uint8Array ? value : null;
}
