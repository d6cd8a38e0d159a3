import type { EpochMs } from "../../model/time.js";
import { resultOfMeaning } from "../meaning.js";
import type { DeliveryFailure } from "../provider.js";
import { isTlsError } from "../tls-error.js";
import type { CarrierAnswer, CarrierOutcome } from "./carrier-request.js";

/** A day. A carrier that says more is asked again then. */
const retryAfterMaxMs = 24 * 60 * 60 * 1000;

/** The result of a request that has no answer. */
export function resultOfNoAnswer(outcome: Exclude<CarrierOutcome, CarrierAnswer>): DeliveryFailure {
  const code = outcome.code === "" ? "" : ` (${outcome.code})`;
  if (outcome.kind === "perhaps_sent") return { kind: "unknown", detail: `${perhapsSentDetails[outcome.why]}${code}` };
  const isMisconfigured =
    outcome.why === "address_refused" || outcome.why === "invalid" || (outcome.why === "tls" && isTlsError(outcome.code));
  return resultOfMeaning(isMisconfigured ? "misconfigured" : "unavailable", `${notSentDetails[outcome.why]}${code}`);
}

const perhapsSentDetails = {
  timeout: "the carrier did not answer in time and may have taken the message",
  broken: "the connection broke after the request and the carrier may have taken the message",
  too_large: "the carrier's answer is larger than 64 KiB",
};

const notSentDetails = {
  name_unknown: "the carrier's host has no address",
  address_refused: "the carrier's host is not at a public address: allow it in LATCHKEY_OUTBOUND_ALLOWED or correct the host",
  unreachable: "the carrier can't be reached",
  tls: "no trusted TLS connection to the carrier: write the host as in its certificate, or name its authority with `ca`",
  connect_timeout: "connecting to the carrier took too long",
  all_connections_busy: "all connections to the carrier are busy",
  closed: "the provider is closed",
  invalid: "the request to the carrier is not a valid one: check the provider's settings",
};

/**
 * The result of an answer whose status means the same for every HTTP API, or null for a status that only the carrier's own error
 * document explains: 2xx and 4xx. `now` is what an HTTP date in Retry-After is compared with. `detail` begins the result's.
 */
export function resultOfStatus(
  { status, headers }: Omit<CarrierAnswer, "kind">,
  now: EpochMs,
  detail = `HTTP ${status}`,
): DeliveryFailure | null {
  const retryAfterMs = retryAfterOf(headers["retry-after"], now);
  if (status === 429) return resultOfMeaning("temporary", detail, retryAfterMs);
  if (status === 503) return resultOfMeaning("unavailable", detail, retryAfterMs);
  if (status === 401 || status === 403 || status === 407) {
    return resultOfMeaning("misconfigured", `${detail}: the carrier refuses the credentials`);
  }
  if (status === 408) return resultOfMeaning("unavailable", detail);
  if (status >= 300 && status < 400) {
    return resultOfMeaning("misconfigured", `${detail}: redirects are not followed, correct the host`);
  }
  // The carrier, or a proxy before it, may have failed after it took the message.
  if (status >= 500 || status < 200) return { kind: "unknown", detail };
  return null;
}

/** Reads Retry-After, seconds or an HTTP date (RFC 9110 §10.2.3), as milliseconds from `now`. Returns null if it is neither. */
export function retryAfterOf(text: string | undefined, now: EpochMs): number | null {
  if (text === undefined) return null;
  const ms = /^\d{1,10}$/.test(text) ? Number(text) * 1000 : /GMT$/.test(text) ? Date.parse(text) - now : Number.NaN;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), retryAfterMaxMs);
}
