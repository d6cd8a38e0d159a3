/** The exports of `latchkey-client/service`, for backends that authenticate as a confidential client. */
import { createConnectTransport } from "@connectrpc/connect-web";
import { createServiceClientOn, type ServiceClient, type ServiceClientOptions } from "./service-client.js";

export { errorDetails } from "./connect-error-details.js";
export type { ErrorDetails, ErrorReasonName } from "./error-details.js";
export type { ServiceClient, Services } from "./service-client.js";

export interface HttpServiceClientOptions extends ServiceClientOptions {
  /** The URL of the deployment's HTTP port: `https://auth.example.com`. */
  readonly baseUrl: string;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Creates a client over Connect. A call takes 10 s at most, which is also the server's limit. */
export function createServiceClient(options: HttpServiceClientOptions): ServiceClient {
  const { baseUrl, fetch } = options;
  const transport = createConnectTransport({ baseUrl, fetch, defaultTimeoutMs: 10_000 });
  return createServiceClientOn(transport, options, () => {});
}
