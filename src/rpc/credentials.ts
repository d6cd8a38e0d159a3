import { looksLikeClientToken } from "../crypto/access-token.js";
import { sessionCredentialHash } from "../crypto/session-credential.js";
import type { CallContext } from "./call-context.js";

/** What a client authenticates with. */
export type ClientCredentials =
  | { readonly kind: "secret"; readonly clientId: string; readonly secret: string }
  | { readonly kind: "assertion"; readonly assertion: string }
  | { readonly kind: "application"; readonly token: string };

/** What the headers of a call carry to authenticate it. */
export type Presented =
  | { readonly kind: "none" }
  /** The access token of a user or a client. */
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "session"; readonly credentialHash: Uint8Array }
  | { readonly kind: "client"; readonly credentials: ClientCredentials }
  /** Several credentials, or one of an unknown form. */
  | { readonly kind: "unreadable" };

const nothing: Presented = { kind: "none" };
const unreadable: Presented = { kind: "unreadable" };

const bearer = /^bearer +([A-Za-z0-9._~+/-]{1,4096}=*)$/i;
const basic = /^basic +([A-Za-z0-9+/]{1,2048}={0,2})$/i;

/** Reads the `authorization` header, or the assertion that a door found beside the message. */
export function readCredentials({ authorization, clientAssertion, applicationToken }: Presenting): Presented {
  if (applicationToken !== undefined) {
    return { kind: "client", credentials: { kind: "application", token: applicationToken } };
  }
  if (clientAssertion !== undefined) {
    return authorization.length > 0
      ? unreadable
      : { kind: "client", credentials: { kind: "assertion", assertion: clientAssertion } };
  }
  const header = authorization[0];
  if (header === undefined) return nothing;
  if (authorization.length > 1) return unreadable;
  const token = bearer.exec(header)?.[1];
  if (token !== undefined) {
    const credentialHash = sessionCredentialHash(token);
    return credentialHash === null ? { kind: "token", token } : { kind: "session", credentialHash };
  }
  if (!/^basic( |$)/i.test(header)) return unreadable;
  return { kind: "client", credentials: basicCredentials(basic.exec(header)?.[1] ?? "") };
}

export type Presenting = Pick<CallContext, "authorization" | "clientAssertion" | "applicationToken">;

/**
 * As `readCredentials`, for methods whose message holds the caller's token: only what authenticates a client counts. The clients
 * of such methods often send the user's access token with every call, also after it has expired.
 */
export function readClientCredentials(context: Presenting): Presented {
  const presented = readCredentials(context);
  if (presented.kind === "client") return presented;
  return presented.kind === "token" && looksLikeClientToken(presented.token) ? presented : nothing;
}

/** Id and secret are form-encoded (RFC 6749 §2.3.1). If the header is malformed both are empty, which no client has. */
function basicCredentials(encoded: string): ClientCredentials {
  const [clientId, ...secret] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  try {
    return { kind: "secret", clientId: formDecoded(clientId ?? ""), secret: formDecoded(secret.join(":")) };
  } catch {
    return { kind: "secret", clientId: "", secret: "" };
  }
}

/** Throws `URIError` for a bad encoding. */
function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
