import { createHmac } from "node:crypto";
import type { Keyring } from "./keyring.js";

/**
 * Names a call by an idempotency key: one HMAC over client, method, key and request, under a key derived from the master key. A plain
 * hash of a request that holds a code would undo what the pepper does for the code.
 */
export type RequestMac = (call: {
  readonly clientId: string;
  readonly method: string;
  readonly key: string;
  readonly request: Uint8Array;
  /** The master key to use: the current one if not given. A refresh uses its token's, so that a rotation in between is not felt. */
  readonly keyId?: string;
}) => Buffer;

export function createRequestMac(master: Keyring): RequestMac {
  return ({ clientId, method, key, request, keyId }) =>
    createHmac("sha256", master.derive(keyId ?? master.currentId, "idempotency"))
      .update(`${clientId}\0${method}\0${key}\0`)
      .update(request)
      .digest();
}
