import type { Certificate } from "../../support/tls.js";
import { type Answer, type CarrierServer, startCarrier } from "./carrier-server.js";

export const key = "abcd1234";
export const secret = "Zx81kLmN0pQr5tUv";
export const signatureSecret = "q7Wm2eRk9TyL4uIo8PaS1dFg6HjK3lZx";

const authorization = `Basic ${Buffer.from(`${key}:${secret}`).toString("base64")}`;

/** The answer when the API key or secret is wrong. https://developer.vonage.com/en/api/account */
export const unauthorized: Answer = {
  status: 401,
  body: { "error-code": "401", "error-code-label": "authentication failed" },
};

/**
 * Vonage's API on loopback, as far as Latchkey uses it: https://developer.vonage.com/en/api/sms,
 * https://developer.vonage.com/en/account/code-snippets/account-balance (check).
 */
export function startVonageServer(certificate?: Certificate): Promise<CarrierServer> {
  return startCarrier(
    {
      read({ method, path, headers, body }) {
        if (method !== "POST" || path !== "/sms/json" || headers.authorization !== authorization) return null;
        const form = new URLSearchParams(body);
        return { to: `+${form.get("to")}`, text: form.get("text") ?? "" };
      },
      accept({ body }, count) {
        const form = new URLSearchParams(body);
        const to = form.get("to") ?? "";
        return taken([part("0", { to, "message-id": `0A0000000123ABC${count}`, "client-ref": form.get("client-ref") })]);
      },
      other({ path, headers }) {
        if (headers.authorization !== authorization) return unauthorized;
        return path === "/account/get-balance"
          ? { status: 200, body: { value: 10.28, autoReload: false } }
          : { status: 404, body: "" };
      },
      refuse: taken([part("6")]),
      lockOut: unauthorized,
      busy: taken([part("1")]),
    },
    certificate,
  );
}

/** One part of an answer. Vonage's text of an error may repeat the destination, so no result may repeat the text. */
export function part(status: string, change: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  if (status !== "0") return { to: "14155550132", status, "error-text": "Refused 14155550132 and 048213", ...change };
  return {
    to: "14155550132",
    "message-id": "0A0000000123ABCD1",
    status,
    "remaining-balance": "3.14159265",
    "message-price": "0.03330000",
    network: "12345",
    ...change,
  };
}

export function taken(parts: readonly Record<string, unknown>[]): Answer {
  return { status: 200, body: { "message-count": String(parts.length), messages: parts } };
}
