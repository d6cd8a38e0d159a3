import { sumOf } from "../../lib/exact-sum.js";
import { gsm7Length } from "../../model/gsm7.js";
import type { Price } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import { isPhone } from "../destination.js";
import type { CarrierOutcome } from "../http/carrier-request.js";
import { resultOfNoAnswer, resultOfStatus } from "../http/carrier-result.js";
import { readJsonObject } from "../http/json-object.js";
import { isPublicUrl } from "../http/public-url.js";
import { createVendorApi, type VendorDeps, type VendorEndpoint } from "../http/vendor-api.js";
import type { CheckedProvider, DeliveryResult, Message, Provider } from "../provider.js";
import { createParts, type Parts } from "./parts.js";
import { resultOfVonageStatus } from "./vonage-errors.js";
import { readVonageReports, vonageIdPattern } from "./vonage-reports.js";

export interface VonageOptions extends VendorEndpoint {
  /** The API key: 8 letters and digits. */
  readonly key: string;
  readonly secret: { reveal(): string };
  /** What reports are signed with. Null: no reports are asked for, and all are refused. */
  readonly signatureSecret: { reveal(): string } | null;
  /** A number with or without its plus, a short code or a name of letters. */
  readonly from: string;
}

/** Vonage's limits of `ttl` and `callback`. https://developer.vonage.com/en/api/sms */
const ttlMinMs = 20_000;
const ttlMaxMs = 7 * 24 * 60 * 60 * 1000;
const callbackMax = 100;

/**
 * Sends SMS by Vonage's SMS API.
 * https://developer.vonage.com/en/api/sms, https://developer.vonage.com/en/account/code-snippets/account-balance (check)
 */
export function createVonageProvider(
  options: VonageOptions,
  deps: VendorDeps,
): CheckedProvider & Required<Pick<Provider, "readReports">> {
  const { key, secret, signatureSecret } = options;
  const { name, reportsUrl, clock = Date.now } = deps;
  const api = createVendorApi(options, deps, { user: key, password: secret });
  const longTexts = createParts();
  const callback = signatureSecret !== null && isPublicUrl(reportsUrl) && reportsUrl.length <= callbackMax ? reportsUrl : null;

  return {
    name,
    channels: ["sms"],
    async send(message) {
      if (!isPhone(message.to.value)) return { kind: "permanent", detail: "not a number that messages can be sent to" };
      const form = formOf(message, options.from, clock());
      if (callback !== null) {
        form.append("status-report-req", "true");
        form.append("callback", callback);
      }
      return resultOf(await api.post("/sms/json", form), { longTexts, now: clock() });
    },
    async check() {
      const outcome = await api.get("/account/get-balance");
      if (outcome.kind !== "answered") return resultOfNoAnswer(outcome).detail;
      if (outcome.status !== 200) return (resultOfStatus(outcome, clock()) ?? notVonages(outcome.status)).detail;
      return typeof readJsonObject(outcome.body).value === "number" ? null : "the answer is not Vonage's";
    },
    async readReports(request) {
      return readVonageReports(request, { key, signatureSecret: signatureSecret?.reveal() ?? null, reportsUrl, longTexts });
    },
    close: api.close,
  };
}

/** Vonage writes numbers without their plus. */
function formOf(message: Message, from: string, now: EpochMs): URLSearchParams {
  return new URLSearchParams({
    from: (message.senderId ?? from).replace(/^\+/, ""),
    to: message.to.value.slice(1),
    text: message.text,
    type: gsm7Length(message.text) === null ? "unicode" : "text",
    ttl: String(Math.min(Math.max(Math.floor(message.expiresAt - now), ttlMinMs), ttlMaxMs)),
    "client-ref": message.sendKey,
  });
}

interface Part {
  readonly status: string;
  /** Null: the answer has none, or none of Vonage's form. */
  readonly id: string | null;
  readonly price: unknown;
}

function resultOf(outcome: CarrierOutcome, { longTexts, now }: { longTexts: Parts; now: EpochMs }): DeliveryResult {
  if (outcome.kind !== "answered") return resultOfNoAnswer(outcome);
  if (outcome.status < 200 || outcome.status >= 300) return resultOfStatus(outcome, now) ?? notVonages(outcome.status);
  const parts = partsOf(readJsonObject(outcome.body).messages);
  const failed = parts?.find(({ status }) => status !== "0");
  if (parts === null) return { kind: "unknown", detail: "the answer is not Vonage's" };
  if (failed !== undefined) {
    const result = resultOfVonageStatus(failed.status);
    const taken = parts.filter(({ status }) => status === "0").length;
    if (taken === 0) return result;
    return { kind: "unknown", detail: `Vonage took ${taken} of ${parts.length} parts (${result.detail})` };
  }
  const ids = parts.flatMap(({ id }) => id ?? []);
  if (parts.length > 1 && ids.length === parts.length) longTexts.add(ids);
  return {
    kind: "sent",
    detail: `HTTP ${outcome.status}`,
    providerMessageId: parts[0]?.id ?? null,
    segments: parts.length,
    price: priceOf(parts.map(({ price }) => price)),
  };
}

/** Each part of a long text has a status, an id and a price of its own. Returns null if there is no part, or one without a status. */
function partsOf(messages: unknown): readonly Part[] | null {
  if (!Array.isArray(messages) || messages.length === 0) return null;
  const parts: Part[] = [];
  for (const message of messages) {
    if (typeof message !== "object" || message === null) return null;
    const { status, "message-id": id, "message-price": price } = message as Record<string, unknown>;
    if (typeof status !== "string" || !/^\d{1,3}$/.test(status)) return null;
    parts.push({ status, id: typeof id === "string" && vonageIdPattern.test(id) ? id : null, price });
  }
  return parts;
}

/** Returns the exact sum, or null if a price is missing. Prices are in euros. */
function priceOf(prices: readonly unknown[]): Price | null {
  const amounts = prices.flatMap((price) => (typeof price === "string" && /^\d{1,9}(?:\.\d{1,9})?$/.test(price) ? price : []));
  if (amounts.length < prices.length) return null;
  return { amount: sumOf(amounts.map((amount) => ({ amount, count: 1 }))), currency: "EUR" };
}

/** Vonage answers 200 also to a message that it refuses, so another status is that of a proxy or of another server. */
function notVonages(status: number): DeliveryResult {
  return { kind: "unavailable", detail: `HTTP ${status}: the answer is not Vonage's` };
}
