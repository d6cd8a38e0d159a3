import type { Caller, Deps, Idempotency } from "./deps.js";

/** The name under which a call's outcome is remembered; null without an idempotency key. */
export function idempotencyMac(
  deps: Deps,
  caller: Caller,
  call: { method: string; idempotency: Idempotency; keyId?: string },
): Buffer | null {
  if (call.idempotency === null) return null;
  const { key, request } = call.idempotency;
  return deps.requestMac({ clientId: caller.clientId, method: call.method, key, request, keyId: call.keyId });
}
