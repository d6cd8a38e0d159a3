import type { GatewayOAuth } from "../../model/gateway.js";
import type { EpochMs } from "../../model/time.js";
import { basicCredentials } from "../http/basic-credentials.js";
import type { CarrierHttp, CarrierOutcome, CarrierRequest } from "../http/carrier-request.js";
import { resultOfNoAnswer, retryAfterOf } from "../http/carrier-result.js";
import { resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";
import { encodeComponent } from "./encode.js";
import { valueAt } from "./pointer.js";

export type TokenResult =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "failed"; readonly result: DeliveryFailure };

/** Gets access tokens by client credentials (RFC 6749 §4.4) and keeps one until it ends. */
export interface TokenSource {
  /** Concurrent calls share one request. */
  get(): Promise<TokenResult>;
  /** Drops a token that the carrier refused. A newer one stays. */
  drop(token: string): void;
}

/** What an answer without `expires_in` lasts, and what is taken off: the time of a request, and clocks that differ. */
const defaultLifetimeMs = 300_000;
const marginMs = 30_000;

export function createTokenSource(
  { client, clock }: { readonly client: CarrierHttp; readonly clock: () => EpochMs },
  oauth: GatewayOAuth,
): TokenSource {
  let kept: { readonly token: string; readonly endsAt: EpochMs } | null = null;
  let pending: Promise<TokenResult> | null = null;

  async function fetchToken(): Promise<TokenResult> {
    const outcome = await client.request(tokenRequest(oauth));
    const now = clock();
    const read = outcome.kind === "answered" && outcome.status === 200 ? readToken(outcome.body) : null;
    if (read === null) return { kind: "failed", result: failureOf(outcome, now) };
    kept = { token: read.token, endsAt: now + Math.max(read.lifetimeMs - marginMs, read.lifetimeMs / 2) };
    return { kind: "token", token: read.token };
  }

  return {
    async get() {
      if (kept !== null && kept.endsAt > clock()) return { kind: "token", token: kept.token };
      pending ??= fetchToken().finally(() => {
        pending = null;
      });
      return await pending;
    },
    drop(token) {
      if (kept?.token === token) kept = null;
    },
  };
}

function tokenRequest({
  tokenUrl,
  clientId,
  clientSecret,
  scope,
  parameters,
  format,
  credentials,
}: GatewayOAuth): CarrierRequest {
  const [id, secret] = [clientId.reveal(), clientSecret.reveal()];
  const fields: Readonly<Record<string, string>> = {
    grant_type: "client_credentials",
    ...(credentials === "body" ? { client_id: id, client_secret: secret } : {}),
    ...(scope === "" ? {} : { scope }),
    ...parameters,
  };
  const form = Object.entries(fields).map(([name, value]) => `${encodeComponent(name)}=${encodeComponent(value)}`);
  return {
    method: "POST",
    url: tokenUrl,
    headers: {
      accept: "application/json",
      "content-type": format === "json" ? "application/json" : "application/x-www-form-urlencoded",
      // RFC 6749 §2.3.1 has both form-encoded before they are joined.
      ...(credentials === "basic" ? { authorization: basicCredentials(encodeComponent(id), encodeComponent(secret)) } : {}),
    },
    body: format === "json" ? JSON.stringify(fields) : form.join("&"),
  };
}

function readToken(body: Buffer): { readonly token: string; readonly lifetimeMs: number } | null {
  try {
    const document: unknown = JSON.parse(body.toString("utf8"));
    const token = valueAt(document, ["access_token"]);
    const seconds = Number(valueAt(document, ["expires_in"]));
    if (typeof token !== "string" || !/^[\x21-\x7e]{1,8192}$/.test(token)) return null;
    return { token, lifetimeMs: seconds > 0 ? Math.min(seconds, 86_400) * 1000 : defaultLifetimeMs };
  } catch {
    return null;
  }
}

/** No message went out, so nothing is `unknown`. */
function failureOf(outcome: CarrierOutcome, now: EpochMs): DeliveryFailure {
  if (outcome.kind !== "answered") {
    if (outcome.kind === "not_sent") return resultOfNoAnswer(outcome);
    return resultOfMeaning("unavailable", "the carrier gives no access token: its answer did not arrive");
  }
  const { status, headers } = outcome;
  if (status === 400 || status === 401 || status === 403) {
    return resultOfMeaning("misconfigured", `the carrier refuses the client credentials of oauth (HTTP ${status}): check them`);
  }
  const detail = `the carrier gives no access token (HTTP ${status})`;
  return resultOfMeaning("unavailable", detail, retryAfterOf(headers["retry-after"], now));
}
