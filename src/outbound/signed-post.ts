import { Webhook } from "standardwebhooks";
import type { OutboundRequest } from "./outbound.js";

/**
 * Returns a POST request of JSON, signed as Standard Webhooks says (https://www.standardwebhooks.com). Repeats of one event have the
 * same id, so that the receiver can drop them. `now` is in milliseconds since 1970.
 */
export function signedPost(given: {
  readonly url: string;
  /** `whsec_` and base64. */
  readonly secret: string;
  readonly id: string;
  readonly body: string;
  readonly now: number;
  readonly timeoutMs: number;
}): OutboundRequest {
  const { url, secret, id, body, now, timeoutMs } = given;
  return {
    method: "POST",
    url,
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(now / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, new Date(now), body),
    },
    body,
    timeoutMs,
  };
}
