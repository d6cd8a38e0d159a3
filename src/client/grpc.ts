import { create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { type ChannelCredentials, Client, type ClientOptions, Metadata } from "@grpc/grpc-js";
import { AuthService } from "../gen/client/latchkey/v1/auth_service_pb.js";
import { errorDetails as connectErrorDetails } from "./connect-error-details.js";
import { type ErrorDetails, readErrorDetails } from "./error-details.js";
import { callUnary, readStatusDetails } from "./grpc-call.js";

export type { ErrorDetails, ErrorReasonName } from "./error-details.js";
export { grpcMethodDefinition, grpcServiceDefinition } from "./grpc-definition.js";
export { createServiceClient, type GrpcServiceClientOptions } from "./grpc-service-client.js";
export type { ServiceClient, Services } from "./service-client.js";

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

/** Creates a client. It connects at the first call. `address` is `host:port`. */
export function createGrpcClient(
  address: string,
  credentials: ChannelCredentials,
  options: GrpcClientOptions = {},
): GrpcClient {
  const client = new Client(address, credentials, options.channel);
  const methods = AuthService.methods.map((method) => {
    const call = async (init: MessageInitShape<DescMessage>, { metadata: given, ...callOptions }: GrpcCallOptions = {}) => {
      const metadata = given?.clone() ?? new Metadata();
      if (options.clientId !== undefined && metadata.get("x-latchkey-client").length === 0) {
        metadata.set("x-latchkey-client", options.clientId);
      }
      return await callUnary(client, method, create(method.input, init), { ...callOptions, metadata });
    };
    return [method.localName, call] as const;
  });
  return { ...Object.fromEntries(methods), close: () => client.close() } as unknown as GrpcClient;
}

/**
 * Reads the details of a failed call: from the trailer `grpc-status-details-bin` of a `ServiceError`, or from a `ConnectError`. For any
 * other error, `reason` is null and the lists are empty.
 */
export function errorDetails(error: unknown): ErrorDetails {
  if (error instanceof ConnectError) return connectErrorDetails(error);
  const details = readStatusDetails(error);
  return readErrorDetails((schema) => details.flatMap((detail) => anyUnpack(detail, schema) ?? []));
}
