import { create, type DescMessage, fromBinary, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type CallOptions, type ChannelCredentials, Client, type ClientOptions, Metadata } from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { AuthService } from "../gen/latchkey/v1/auth_service_pb.js";
import { type ErrorDetails, readErrorDetails } from "./error-details.js";
import { grpcMethodDefinition } from "./grpc-definition.js";

export type { ErrorDetails, ErrorReasonName } from "./error-details.js";
export { grpcMethodDefinition, grpcServiceDefinition } from "./grpc-definition.js";

export interface GrpcCallOptions {
  /** Sent with the call, `authorization` for one. */
  readonly metadata?: Metadata;
  /** Default 10 s, the most that the server gives a call. */
  readonly timeoutMs?: number;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

type Methods = typeof AuthService.method;

/** AuthService over native gRPC. Throws grpc-js's `ServiceError`, which `errorDetails` reads. Keeps no session: backends pass tokens. */
export type GrpcClient = {
  readonly [Name in keyof Methods]: (
    request: MessageInitShape<Methods[Name]["input"]>,
    options?: GrpcCallOptions,
  ) => Promise<MessageShape<Methods[Name]["output"]>>;
} & {
  /** Ends the connection; calls under way go on. */
  close(): void;
};

export interface GrpcClientOptions {
  /** The public client to call as. Default: the deployment's default client, if it has one. */
  readonly clientId?: string;
  /** Settings of the grpc-js channel. */
  readonly channel?: ClientOptions;
}

const timeoutMsDefault = 10_000;

/** Makes a client that connects at its first call. `address` is `host:port`. */
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

/** What a failed gRPC call says for programs to read, from `grpc-status-details-bin`. Other errors have no details. */
export function errorDetails(error: unknown): ErrorDetails {
  const bytes = readStatus(error);
  if (bytes === null) return readErrorDetails(() => []);
  try {
    const { details } = fromBinary(StatusSchema, bytes);
    return readErrorDetails((schema) => details.flatMap((detail) => anyUnpack(detail, schema) ?? []));
  } catch {
    // Whoever damaged the trailer was not Latchkey.
    return readErrorDetails(() => []);
  }
}

function readStatus(error: unknown): Uint8Array | null {
  const metadata = error instanceof Error && "metadata" in error ? error.metadata : null;
  const value = metadata instanceof Metadata ? metadata.get("grpc-status-details-bin")[0] : undefined;
  return value instanceof Uint8Array ? value : null;
}
