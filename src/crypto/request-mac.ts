import { createHmac } from "node:crypto";
import type { Keyring } from "./keyring.js";

/**
 * Names a call by an idempotency key: one HMAC over client, method, key, requester and request. A plain hash of a request that holds a
 * code would undo what the pepper does for the code.
 */
export type RequestMac = (call: {
  readonly clientId: string;
  readonly method: string;
  readonly key: string;
  /** The lookup key of the only requester that may repeat the call. Not given: every caller of the client may. */
  readonly requesterKey?: Uint8Array;
  readonly request: Uint8Array;
  /** The master key to derive the HMAC's key from. A refresh names its token's, all other calls none. */
  readonly keyId?: string;
}) => Buffer;

/** `lookupKey` never changes, so that processes on either side of a key change give a call the same name. */
export function createRequestMac({ master, lookupKey }: { readonly master: Keyring; readonly lookupKey: Buffer }): RequestMac {
  return ({ clientId, method, key, requesterKey = new Uint8Array(), request, keyId }) =>
    createHmac("sha256", keyId === undefined ? lookupKey : master.derive(keyId, "idempotency"))
      .update(`${clientId}\0${method}\0${key}\0`)
      .update(requesterKey)
      .update(request)
      .digest();
}
