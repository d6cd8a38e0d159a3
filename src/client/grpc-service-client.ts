import { type ChannelCredentials, Client, type ClientOptions, credentials } from "@grpc/grpc-js";
import { createGrpcTransport } from "./grpc-transport.js";
import { createServiceClientOn, type ServiceClient, type ServiceClientOptions } from "./service-client.js";

export interface GrpcServiceClientOptions extends ServiceClientOptions {
  /** `host:port` of the deployment's gRPC port. */
  readonly target: string;
  /** Default: TLS with the certificate authorities of Node. `credentials.createInsecure()` is for this machine alone. */
  readonly credentials?: ChannelCredentials;
  /** Options of the grpc-js channel. */
  readonly channel?: ClientOptions;
}

/** Creates a client over gRPC. It connects at the first call. A call takes 10 s at most, which is also the server's limit. */
export function createServiceClient(options: GrpcServiceClientOptions): ServiceClient {
  const channel = new Client(options.target, options.credentials ?? credentials.createSsl(), options.channel);
  return createServiceClientOn(createGrpcTransport(channel), options, () => channel.close());
}
