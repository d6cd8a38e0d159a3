import type { EpochMs } from "../../model/time.js";
import type { AddressRules } from "../../outbound/checked-lookup.js";
import { basicCredentials } from "./basic-credentials.js";
import { type CarrierHttpOptions, type CarrierOutcome, createCarrierHttp } from "./carrier-request.js";

/** Where a vendor's API is. */
export interface VendorEndpoint extends Pick<CarrierHttpOptions, "ca" | "insecure"> {
  /** Scheme, host and port, without a slash at the end. */
  readonly origin: string;
}

/** What a vendor's provider needs besides its settings. */
export interface VendorDeps {
  readonly name: string;
  readonly reportsUrl: string;
  readonly addresses?: AddressRules | undefined;
  /** Tests replace these. */
  readonly clock?: () => EpochMs;
  readonly limits?: Pick<CarrierHttpOptions, "connectTimeoutMs" | "answerTimeoutMs" | "wholeTimeoutMs" | "connectionsMax">;
}

/** Calls an API that takes forms, answers JSON and knows its callers by user and password. */
export interface VendorApi {
  get(path: string): Promise<CarrierOutcome>;
  post(path: string, form: URLSearchParams): Promise<CarrierOutcome>;
  close(): Promise<void>;
}

export function createVendorApi(
  { origin, ca, insecure }: VendorEndpoint,
  { addresses, limits }: Pick<VendorDeps, "addresses" | "limits">,
  login: { readonly user: string; readonly password: { reveal(): string } },
): VendorApi {
  const client = createCarrierHttp({ ca, insecure, addresses, ...limits });
  const headers = { authorization: basicCredentials(login.user, login.password.reveal()), accept: "application/json" };
  const forForms = { ...headers, "content-type": "application/x-www-form-urlencoded" };
  return {
    get: (path) => client.request({ method: "GET", url: `${origin}${path}`, headers, body: "" }),
    post: (path, form) => client.request({ method: "POST", url: `${origin}${path}`, headers: forForms, body: form.toString() }),
    close: async () => client.close(),
  };
}
