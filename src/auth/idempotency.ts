import type { Caller } from "../model/caller.js";
import type { Deps } from "./deps.js";

/** A caller's idempotency key with the request it came in, serialized without the key; null when there is no key. */
export type Idempotency = { readonly key: string; readonly request: Uint8Array } | null;

/**
 * The name under which a call's outcome is remembered; null without an idempotency key. `requesterKey` keeps the outcome from callers
 * in other networks, because strangers can know everything that a public client sends.
 */
export function idempotencyMac(
  deps: Deps,
  caller: Caller,
  { idempotency, ...call }: { method: string; idempotency: Idempotency; requesterKey?: Uint8Array; keyId?: string },
): Buffer | null {
  return idempotency === null ? null : deps.requestMac({ clientId: caller.client.clientId, ...call, ...idempotency });
}
