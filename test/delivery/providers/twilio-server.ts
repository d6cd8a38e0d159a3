import { createHash } from "node:crypto";
import type { Certificate } from "../../support/tls.js";
import { type Answer, type CarrierServer, startCarrier } from "./carrier-server.js";

export const account = "AC0123456789abcdef0123456789abcdef";
export const token = "0f9e8d7c6b5a49382716051423324150";

const authorization = `Basic ${Buffer.from(`${account}:${token}`).toString("base64")}`;

/**
 * Twilio's API on loopback, as far as Latchkey uses it:
 * https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource,
 * https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource,
 * https://www.twilio.com/docs/usage/twilios-response (errors), https://www.twilio.com/docs/iam/api/account (check).
 */
export function startTwilioServer(certificate?: Certificate): Promise<CarrierServer> {
  return startCarrier(
    {
      read({ method, headers, body }) {
        if (method !== "POST" || headers.authorization !== authorization) return null;
        const form = new URLSearchParams(body);
        const to = (form.get("To") ?? "").replace(/^whatsapp:/, "");
        return { to, text: form.get("Body") ?? templateText(form) ?? sayText(form.get("Twiml") ?? "") };
      },
      accept({ path, body }, count) {
        const form = new URLSearchParams(body);
        const to = form.get("To");
        const id = createHash("md5").update(String(count)).digest("hex");
        const common = { account_sid: account, to, price: null, price_unit: "USD" };
        if (path.endsWith("/Calls.json")) return { status: 201, body: { ...common, sid: `CA${id}`, status: "queued" } };
        const hasService = form.has("MessagingServiceSid");
        const state = { status: hasService ? "accepted" : "queued", num_segments: hasService ? "0" : "1" };
        return { status: 201, body: { ...common, ...state, sid: `SM${id}`, error_code: null, error_message: null } };
      },
      other({ path, headers }) {
        if (headers.authorization !== authorization) return error(401, 20003);
        return path === `/2010-04-01/Accounts/${account}.json`
          ? { status: 200, body: { sid: account, status: "active", type: "Full" } }
          : error(404, 20404);
      },
      refuse: error(400, 21211),
      lockOut: error(401, 20003),
      busy: error(429, 20429),
    },
    certificate,
  );
}

/** Twilio's text of an error may repeat the destination, so no result may repeat the text. */
export function error(status: number, code: number): Answer {
  const message = "The 'To' number +14155550132 is not a valid phone number, with 048213.";
  return { status, body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status } };
}

function templateText(form: URLSearchParams): string | null {
  const variables = form.get("ContentVariables");
  return variables === null ? null : `${Object.values(JSON.parse(variables) as Record<string, string>).join()} is your code.`;
}

function sayText(twiml: string): string {
  return [...twiml.matchAll(/<Say[^>]*>([^<]*)<\/Say>/g)].map(([, text]) => text).join(" ");
}
