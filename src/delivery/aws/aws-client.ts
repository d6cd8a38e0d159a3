import { type CarrierHttp, type CarrierHttpOptions, createCarrierHttp } from "../http/carrier-request.js";
import type { DeliveryResult } from "../provider.js";
import { createAwsHandler } from "./aws-http.js";
import { resultOfAwsFailure } from "./aws-result.js";

/** What the providers of Amazon's services have in common. */
export interface AwsOptions extends CarrierHttpOptions {
  readonly name: string;
  readonly region: string;
  /** Null or left out: those that the SDK finds. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: { reveal(): string } } | null;
  /** The URL of another endpoint than the region's. Null: none. */
  readonly endpoint: string | null;
}

/**
 * Calls a service of Amazon through the AWS SDK. `load` imports the SDK and creates its client at the first use, because the SDK takes
 * longer to load than the whole server.
 */
export function createAwsClient<Loaded>(options: AwsOptions, load: (config: ReturnType<typeof configOf>) => Promise<Loaded>) {
  const http = createCarrierHttp(options);
  let loaded: Promise<Loaded> | null = null;
  function use(): Promise<Loaded> {
    loaded ??= load(configOf(options, http));
    return loaded;
  }
  return {
    /** Sends a message by one call. Never throws. */
    async send(call: (loaded: Loaded) => Promise<{ readonly MessageId?: string | undefined }>): Promise<DeliveryResult> {
      try {
        const { MessageId } = await call(await use());
        if (MessageId === undefined) return { kind: "unknown", detail: "the answer of AWS has no message id" };
        return { kind: "sent", detail: "accepted", providerMessageId: MessageId };
      } catch (error) {
        return resultOfAwsFailure(error);
      }
    },
    /** Returns what `call` returns, or why it failed. `actions` names those that the role needs. Never throws. */
    async check(actions: string, call: (loaded: Loaded) => Promise<string | null>): Promise<string | null> {
      try {
        return await call(await use());
      } catch (error) {
        return `${resultOfAwsFailure(error).detail} (the role needs ${actions})`;
      }
    },
    async close(): Promise<void> {
      http.close();
    },
  };
}

function configOf({ region, endpoint, credentials }: AwsOptions, http: CarrierHttp) {
  return {
    region,
    // The outbox retries.
    maxAttempts: 1,
    requestHandler: createAwsHandler(http),
    ...(endpoint === null ? {} : { endpoint }),
    ...(credentials ? { credentials: { ...credentials, secretAccessKey: credentials.secretAccessKey.reveal() } } : {}),
  };
}
