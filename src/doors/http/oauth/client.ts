import type { CallContext } from "../../../rpc/call-context.js";
import { invalidClient, invalidRequest, OAuthError } from "./errors.js";

export type Params = ReadonlyMap<string, string>;

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** No real id or secret is longer. */
const credentialLengthMax = 512;

/**
 * Adds the client authentication of a form to a call (RFC 6749 §2.3, RFC 7523 §2.2). The ways are client_secret_basic,
 * client_secret_post, private_key_jwt, and for public clients the id alone. The header `x-latchkey-client` has no meaning here.
 */
export function withClient(context: CallContext, params: Params): CallContext {
  const [clientId, secret, assertion] = ["client_id", "client_secret", "client_assertion"].map((name) => params.get(name));
  const named = { ...context, clientIds: clientId === undefined ? [] : [clientId] };
  const ways = [context.authorization.length > 0, secret !== undefined, assertion !== undefined].filter(Boolean).length;
  if (ways > 1) throw invalidRequest("Authenticate in one way only: header, client_secret or client_assertion.");
  if (assertion !== undefined) {
    if (params.get("client_assertion_type") !== assertionType) {
      throw new OAuthError({ ...invalidClient, description: `client_assertion_type must be ${assertionType}.` });
    }
    return { ...named, clientAssertion: assertion };
  }
  if (secret === undefined) return named;
  if (Math.max(secret.length, clientId?.length ?? 0) > credentialLengthMax) {
    throw invalidRequest("client_id or client_secret is too long.");
  }
  // The header then names the client, so that an unknown id and a wrong secret are refused alike.
  return { ...named, clientIds: [], authorization: [basicHeader(clientId ?? "", secret)] };
}

function basicHeader(clientId: string, secret: string): string {
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(secret)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
