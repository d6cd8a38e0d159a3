import { createHmac } from "node:crypto";
import type { Keyring } from "./keyring.js";

/**
 * Names a call by an idempotency key: one HMAC over client, method, key, requester and request. A plain hash would defeat the
 * pepper, because the request may contain a code.
 */
export type RequestMac = (call: {
  readonly clientId: string;
  readonly method: string;
  readonly key: string;
  /** The lookup key of the only requester that may repeat the call. Without it every caller of the client may. */
  readonly requesterKey?: Uint8Array;
  readonly request: Uint8Array;
  /** The master key to derive the HMAC key from. A refresh names its token's key; all other calls name none. */
  readonly keyId?: string;
}) => Buffer;

/** `lookupKey` never changes, so processes before and after a key change give a call the same name. */
export function createRequestMac({ master, lookupKey }: { readonly master: Keyring; readonly lookupKey: Buffer }): RequestMac {
  return ({ clientId, method, key, requesterKey = new Uint8Array(), request, keyId }) =>
    createHmac("sha256", keyId === undefined ? lookupKey : master.derive(keyId, "idempotency"))
      .update(`${clientId}\0${method}\0${key}\0`)
      .update(requesterKey)
      .update(request)
      .digest();
}
