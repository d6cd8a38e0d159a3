import type { Caller, Deps, Idempotency } from "./deps.js";

/**
 * The name under which a call's outcome is remembered; null without an idempotency key. `requesterKey` keeps the outcome from callers
 * in other networks, because strangers can know everything that a public client sends.
 */
export function idempotencyMac(
  deps: Deps,
  caller: Caller,
  { idempotency, ...call }: { method: string; idempotency: Idempotency; requesterKey?: Uint8Array; keyId?: string },
): Buffer | null {
  return idempotency === null ? null : deps.requestMac({ clientId: caller.clientId, ...call, ...idempotency });
}
