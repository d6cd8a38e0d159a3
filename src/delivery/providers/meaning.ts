import type { GatewayErrorKind } from "../../model/gateway.js";
import type { DeliveryResult } from "../provider.js";

/** Returns the result of a try that ended with an error of this kind. Vendors' errors have the kinds of a gateway's description. */
export function resultOfMeaning(kind: GatewayErrorKind, detail: string): Exclude<DeliveryResult, { readonly kind: "sent" }> {
  if (kind === "misconfigured") return { kind: "unavailable", detail, isMisconfigured: true };
  if (kind === "sender_refused") return { kind: "unavailable", detail, refusesSender: true };
  return { kind, detail };
}
