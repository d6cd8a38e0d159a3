import type { Gateway } from "../../model/gateway.js";
import type { EpochMs } from "../../model/time.js";
import { encodeComponent } from "../gateway/encode.js";
import { readAnswer } from "../gateway/read-answer.js";
import { readReports } from "../gateway/read-reports.js";
import { createTokenSource } from "../gateway/token.js";
import { type Values, valuesOf, writeCheck, writeRequest } from "../gateway/write-request.js";
import {
  type CarrierHttpOptions,
  type CarrierOutcome,
  type CarrierRequest,
  createCarrierHttp,
} from "../http/carrier-request.js";
import { resultOfNoAnswer, resultOfStatus } from "../http/carrier-result.js";
import type { DeliveryResult, Message, Provider } from "../provider.js";

export interface HttpGatewayOptions extends CarrierHttpOptions {
  readonly name: string;
  readonly gateway: Gateway;
  /** Where the carrier posts reports. */
  readonly reportsUrl: string;
  readonly clock?: () => EpochMs;
}

/** Sends messages by any carrier's HTTP API, as its description says. See docs/providers/http-gateway.md. */
export function createHttpGatewayProvider(options: HttpGatewayOptions): Provider {
  const { gateway, name, clock = Date.now } = options;
  const { oauth, check, reports, timeoutMs } = gateway;
  const client = createCarrierHttp({ answerTimeoutMs: timeoutMs, ...options });
  const tokens = oauth === null ? null : createTokenSource({ client, clock }, oauth);
  const reportUrl = reportUrlOf(gateway, options.reportsUrl);

  /** A refused token took no message, so one more try with a new one is safe. */
  async function call(write: (bearer: string | null) => CarrierRequest | null): Promise<CarrierOutcome | DeliveryResult> {
    for (let isRepeat = false; ; isRepeat = true) {
      const token = tokens === null ? null : await tokens.get();
      if (token?.kind === "failed") return token.result;
      const request = write(token?.token ?? null);
      if (request === null) return { kind: "permanent", detail: "a value of the message does not fit into the gateway's URL" };
      const outcome = await client.request(request);
      if (token === null || isRepeat || outcome.kind !== "answered" || outcome.status !== 401) return outcome;
      tokens?.drop(token.token);
    }
  }

  async function send(message: Message): Promise<DeliveryResult> {
    const values: Values | null = valuesOf(message, { from: message.senderId ?? gateway.from, reportUrl, now: clock() });
    if (values === null) return { kind: "permanent", detail: "not a destination that messages can be sent to" };
    const outcome = await call((bearer) => writeRequest(gateway, { values, bearer }));
    if (outcome.kind === "answered") return readAnswer(gateway, outcome, { message, now: clock() });
    return outcome.kind === "not_sent" || outcome.kind === "perhaps_sent" ? resultOfNoAnswer(outcome) : outcome;
  }

  async function checkCredentials(): Promise<string | null> {
    if (check === null) {
      const token = await tokens?.get();
      return token?.kind === "failed" ? token.result.detail : null;
    }
    const outcome = await call((bearer) => writeCheck(gateway, check, bearer));
    if (outcome.kind === "answered") {
      if (outcome.status >= 200 && outcome.status < 300) return null;
      return (
        resultOfStatus(outcome, clock())?.detail ?? `HTTP ${outcome.status}: correct \`check\` in the gateway's description`
      );
    }
    return outcome.kind === "not_sent" || outcome.kind === "perhaps_sent" ? resultOfNoAnswer(outcome).detail : outcome.detail;
  }

  return {
    name,
    channels: gateway.channels,
    send,
    ...(oauth === null && check === null ? {} : { check: checkCredentials }),
    ...(reports === null ? {} : { readReports: (request) => readReports(reports, request) }),
    async close() {
      client.close();
    },
  };
}

/** A carrier that signs nothing proves its reports by a secret in the URL that it is given. */
function reportUrlOf({ reports }: Gateway, url: string): string {
  if (reports?.authentication.type !== "query") return url;
  const { name, value } = reports.authentication;
  return `${url}?${encodeComponent(name)}=${encodeComponent(value.reveal())}`;
}
