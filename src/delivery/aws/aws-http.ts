import { Readable } from "node:stream";
import type { CarrierHttp, CarrierOutcome, CarrierRequest } from "../http/carrier-request.js";

/** A call of the AWS SDK that has no answer. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  readonly outcome: Extract<CarrierOutcome, { readonly kind: "not_sent" | "perhaps_sent" }>;

  constructor(outcome: NoAnswer["outcome"]) {
    super("no answer");
    this.outcome = outcome;
  }
}

/** The part of the SDK's requests that is used here (HttpRequest of @smithy/types). */
export interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * Returns a request handler for clients of the AWS SDK, so that its calls have the connections, time limits and outcomes of all
 * carriers. The SDK's own handler does not say whether a failed request went out.
 */
export function createAwsHandler(client: CarrierHttp) {
  return {
    metadata: { handlerProtocol: "http/1.1" },
    async handle(request: SdkRequest) {
      const outcome = await client.request(carrierRequestOf(request));
      if (outcome.kind !== "answered") throw new NoAnswer(outcome);
      const { status: statusCode, headers, body } = outcome;
      return { response: { statusCode, headers, body: Readable.from([body]) } };
    },
    updateHttpClientConfig() {},
    httpHandlerConfigs() {
      return {};
    },
    destroy() {
      client.close();
    },
  };
}

function carrierRequestOf({ method, protocol, hostname, port, path, query, headers, body }: SdkRequest): CarrierRequest {
  const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((item) =>
      item === null ? encodeURIComponent(name) : `${encodeURIComponent(name)}=${encodeURIComponent(String(item))}`,
    ),
  );
  const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
  return {
    method: method as CarrierRequest["method"],
    url: `${protocol}//${hostname}${port === undefined ? "" : `:${port}`}${path}${search}`,
    headers,
    // Of bytes, the SDK has a subclass whose methods of texts warn, so only its bytes are used.
    body: body instanceof Uint8Array ? new TextDecoder().decode(body) : typeof body === "string" ? body : "",
  };
}
