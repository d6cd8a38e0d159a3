import type { GatewayErrorKind } from "../model/gateway.js";
import type { DeliveryFailure } from "./provider.js";

/** What an error of a vendor means for a message. Vendors' errors have the kinds of a gateway's description. */
export type Meaning = readonly [kind: GatewayErrorKind, text: string];

/**
 * Returns the result of a try that ended with an error of this kind. A carrier's Retry-After counts only where waiting helps, as
 * opposed to other settings, another sender or another message.
 */
export function resultOfMeaning(kind: GatewayErrorKind, detail: string, retryAfterMs: number | null = null): DeliveryFailure {
  if (kind === "misconfigured") return { kind: "unavailable", detail, isMisconfigured: true };
  if (kind === "sender_refused") return { kind: "unavailable", detail, refusesSender: true };
  return kind === "permanent" || retryAfterMs === null ? { kind, detail } : { kind, detail, retryAfterMs };
}
