import type { Price } from "../../model/message.js";
import type { EpochMs } from "../../model/time.js";
import { isPhone } from "../destination.js";
import type { CarrierAnswer, CarrierOutcome } from "../http/carrier-request.js";
import { resultOfNoAnswer, resultOfStatus, retryAfterOf } from "../http/carrier-result.js";
import { readJsonObject } from "../http/json-object.js";
import { isPublicUrl } from "../http/public-url.js";
import { createVendorApi, type VendorDeps, type VendorEndpoint } from "../http/vendor-api.js";
import type { CheckedProvider, DeliveryResult, Message, Provider } from "../provider.js";
import { spokenMessage } from "./spoken-code.js";
import { resultOfTwilioError, twilioCause } from "./twilio-errors.js";
import { readTwilioReports, twilioIdPattern } from "./twilio-reports.js";

export interface TwilioOptions extends VendorEndpoint {
  readonly channel: "sms" | "whatsapp" | "voice";
  /** Such as `AC` and 32 hexadecimal digits. */
  readonly account: string;
  readonly token: { reveal(): string };
  /** A number, a name of letters, or `whatsapp:` and a number; or the id of a messaging service, such as `MG…`. */
  readonly sender: { readonly from: string } | { readonly messagingService: string };
  /** The WhatsApp template, such as `HX…`, and the name of its placeholder for the code. Null: the text is sent without a template. */
  readonly template: { readonly contentSid: string; readonly variable: string } | null;
}

/** Twilio's limits of ValidityPeriod. https://www.twilio.com/docs/api/errors/21624 */
const validityMaxSeconds = 36_000;
/** Longer than the text takes. It limits what a call to a machine that never hangs up costs. */
const callMaxSeconds = 120;
const ringMaxSeconds = 40;

/**
 * Sends SMS, WhatsApp messages or calls by Twilio.
 * https://www.twilio.com/docs/messaging/api/message-resource, https://www.twilio.com/docs/voice/api/call-resource
 */
export function createTwilioProvider(
  options: TwilioOptions,
  deps: VendorDeps,
): CheckedProvider & Required<Pick<Provider, "readReports">> {
  const { channel, account, token } = options;
  const { name, reportsUrl, clock = Date.now } = deps;
  const api = createVendorApi(options, deps, { user: account, password: token });
  const base = `/2010-04-01/Accounts/${account}`;

  return {
    name,
    channels: [channel],
    async send(message) {
      if (!isPhone(message.to.value)) return { kind: "permanent", detail: "not a number that messages can be sent to" };
      const form = formOf(message, options, clock());
      // Twilio refuses a message whose reports go to an address that it can't reach (error 21609).
      if (isPublicUrl(reportsUrl)) form.append("StatusCallback", `${reportsUrl}?ref=${encodeURIComponent(message.sendKey)}`);
      return resultOf(await api.post(`${base}/${channel === "voice" ? "Calls" : "Messages"}.json`, form), clock());
    },
    async check() {
      const outcome = await api.get(`${base}.json`);
      if (outcome.kind !== "answered") return resultOfNoAnswer(outcome).detail;
      const answer = readJsonObject(outcome.body);
      if (outcome.status !== 200) return failureOf(outcome, answer, clock()).detail;
      if (answer.status === "active") return null;
      return typeof answer.status === "string"
        ? "the account is not active: see Twilio's console"
        : "the answer is not Twilio's";
    },
    async readReports(request) {
      return readTwilioReports(request, { account, token: token.reveal(), reportsUrl });
    },
    close: api.close,
  };
}

function formOf(message: Message, { channel, sender, template }: TwilioOptions, now: EpochMs): URLSearchParams {
  const form = new URLSearchParams({ To: channel === "whatsapp" ? `whatsapp:${message.to.value}` : message.to.value });
  // Senders of WhatsApp and calls are numbers of the account.
  if (channel === "sms" && message.senderId !== null) form.append("From", message.senderId);
  else if ("from" in sender) form.append("From", sender.from);
  else form.append("MessagingServiceSid", sender.messagingService);
  if (channel === "voice") {
    form.append("Twiml", spokenMessage(message));
    form.append("Timeout", String(ringMaxSeconds));
    form.append("TimeLimit", String(callMaxSeconds));
    return form;
  }
  if (channel === "whatsapp" && template !== null) {
    form.append("ContentSid", template.contentSid);
    form.append("ContentVariables", JSON.stringify({ [template.variable]: message.code }));
  } else {
    form.append("Body", message.text);
  }
  const seconds = Math.floor((message.expiresAt - now) / 1000);
  form.append("ValidityPeriod", String(Math.min(Math.max(seconds, 1), validityMaxSeconds)));
  return form;
}

function resultOf(outcome: CarrierOutcome, now: EpochMs): DeliveryResult {
  if (outcome.kind !== "answered") return resultOfNoAnswer(outcome);
  const answer = readJsonObject(outcome.body);
  if (outcome.status < 200 || outcome.status >= 300) return failureOf(outcome, answer, now);
  const { sid, status } = answer;
  if (typeof sid !== "string" || !twilioIdPattern.test(sid)) return { kind: "unknown", detail: "the answer is not Twilio's" };
  if (status === "failed" || status === "undelivered" || status === "canceled") {
    const code = Number(answer.error_code ?? 0);
    return resultOfTwilioError(code) ?? { kind: "permanent", detail: code === 0 ? "Twilio gave it up" : twilioCause(code) };
  }
  const segments = Number(answer.num_segments);
  return {
    kind: "sent",
    detail: `HTTP ${outcome.status}`,
    providerMessageId: sid,
    // A messaging service answers 0, because it has not chosen the sender yet.
    segments: Number.isInteger(segments) && segments > 0 ? segments : null,
    price: priceOf(answer.price, answer.price_unit),
  };
}

/** The error document: https://www.twilio.com/docs/usage/twilios-response */
function failureOf(answer: CarrierAnswer, { code }: Record<string, unknown>, now: EpochMs): DeliveryResult {
  if (typeof code !== "number") return resultOfStatus(answer, now) ?? notTwilios(answer.status);
  return (
    resultOfTwilioError(code, retryAfterOf(answer.headers["retry-after"], now)) ??
    resultOfStatus(answer, now) ?? { kind: "permanent", detail: twilioCause(code) }
  );
}

/** A refusal without Twilio's document is that of a proxy or of another server, and says nothing about the message. */
function notTwilios(status: number): DeliveryResult {
  return { kind: "unavailable", detail: `HTTP ${status}: the answer is not Twilio's` };
}

/** Amounts are negative in answers: they are what the account lost. */
function priceOf(amount: unknown, currency: unknown): Price | null {
  const [, digits] = /^-?(\d{1,9}(?:\.\d{1,9})?)$/.exec(typeof amount === "string" ? amount : "") ?? [];
  if (digits === undefined || typeof currency !== "string" || !/^[A-Za-z]{3}$/.test(currency)) return null;
  return { amount: digits, currency: currency.toUpperCase() };
}
