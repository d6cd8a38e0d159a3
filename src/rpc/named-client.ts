import { decodeJwt } from "jose";
import type { Directory, Registered } from "../apps/directory.js";
import { applicationOf } from "../crypto/application-token.js";
import { clientOfAssertion } from "../crypto/client-assertion.js";
import { type Presenting, readCredentials } from "./credentials.js";

/** A client, and its id or alias that the credentials have. */
export interface NamedClient extends Registered {
  readonly namedId: string;
}

/** Returns the client that credentials name, without checking them. Null if they name none. */
export function namedClient(directory: Pick<Directory, "find">, presenting: Presenting): NamedClient | null {
  const namedId = clientIdIn(presenting);
  const found = typeof namedId === "string" ? directory.find(namedId) : null;
  return found === null ? null : { ...found, namedId: String(namedId) };
}

function clientIdIn(presenting: Presenting): unknown {
  const presented = readCredentials(presenting);
  if (presented.kind === "token") return clientIdOfToken(presented.token);
  if (presented.kind !== "client") return null;
  const { credentials } = presented;
  if (credentials.kind === "secret") return credentials.clientId;
  return credentials.kind === "assertion" ? clientOfAssertion(credentials.assertion) : applicationOf(credentials.token);
}

function clientIdOfToken(token: string): unknown {
  try {
    return decodeJwt(token).client_id;
  } catch {
    return null;
  }
}

/** Returns whether a token is a JWT that names an application, for `applicationToken` of a context. */
export function namesApplication(token: string): boolean {
  return applicationOf(token) !== null;
}
