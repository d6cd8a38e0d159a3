import type { Caller } from "../model/caller.js";
import type { Deps } from "./deps.js";

/** A caller's idempotency key with its request, serialized without the key. Null without a key. */
export type Idempotency = { readonly key: string; readonly request: Uint8Array } | null;

/**
 * Returns the key under which a call's outcome is remembered, or null without an idempotency key. With `requesterKey` only
 * callers in the same network get the outcome, because strangers can know everything that a public client sends.
 */
export function idempotencyMac(
  deps: Deps,
  caller: Caller,
  { idempotency, ...call }: { method: string; idempotency: Idempotency; requesterKey?: Uint8Array; keyId?: string },
): Buffer | null {
  return idempotency === null ? null : deps.requestMac({ clientId: caller.client.clientId, ...call, ...idempotency });
}
