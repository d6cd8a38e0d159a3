import type { ConnectError } from "@connectrpc/connect";
import type { SessionCookie } from "../../model/caller.js";
import { wireError } from "../../rpc/errors.js";
import { headerValues, type WebRequest, type WebResponse } from "./types.js";

/** Asks for the session cookie: `x-latchkey-session: cookie`. Browsers preflight it, so no form and no page of another origin can send it. */
export const sessionHeader = "x-latchkey-session";

/** A cookie with this prefix comes from this host alone, over HTTPS, and for all paths (RFC 6265bis, section 4.1.3.2). */
const cookieName = "__Host-latchkey";

/** What a call asks about the session cookie. */
export type AskedSession = { readonly cookie: SessionCookie | null } | { readonly refusal: ConnectError };

/**
 * Without the header a call has no cookie, even if the browser sent one. Nor has a call of gRPC, whose callers keep no cookies. Any
 * other value of the header is refused.
 */
export function readSessionCookie(request: WebRequest, response: WebResponse): AskedSession {
  const asked = headerValues(request, sessionHeader);
  if (asked.length === 0 || isGrpc(request)) return { cookie: null };
  if (asked.length > 1 || asked[0] !== "cookie") return { refusal: wireError("REQUEST_INVALID", { message: refusalText }) };
  return { cookie: sessionCookieOf(request, response, { name: cookieName, secure: true }) };
}

const refusalText = `The header ${sessionHeader} has only one value and that is "cookie". Send it once or leave it out.`;

/** `application/grpc-web` is another protocol, which browsers speak. */
function isGrpc(request: WebRequest): boolean {
  return /^application\/grpc(?!-web)/i.test(request.headers["content-type"] ?? "");
}

/** The session cookie of a name, which is for all paths of the host. `secure`: browsers send it over HTTPS alone. */
export function sessionCookieOf(
  request: WebRequest,
  response: WebResponse,
  cookie: { readonly name: string; readonly secure: boolean },
): SessionCookie {
  return { credential: presented(request, cookie.name), ...cookieOf(response, cookie) };
}

/**
 * Removes spaces and tabs alone. With other white space before its name, a cookie that any subdomain can set would pass for one that
 * only this host can set.
 */
function presented(request: WebRequest, name: string): string | null | undefined {
  const start = `${name}=`;
  const pairs = headerValues(request, "cookie").flatMap((header) => header.split(";"));
  const own = pairs.map((pair) => pair.replace(/^[ \t]+/, "")).filter((pair) => pair.startsWith(start));
  return own.length > 1 ? null : own[0]?.slice(start.length);
}

/** An answer that has been sent, after a deadline for example, stays without the cookie. */
function cookieOf(
  response: WebResponse,
  { name, secure }: { readonly name: string; readonly secure: boolean },
): Pick<SessionCookie, "set" | "clear"> {
  const write = (value: string, maxAgeSeconds: number): void => {
    if (response.headersSent) return;
    const attributes = ["Path=/", `Max-Age=${maxAgeSeconds}`, ...(secure ? ["Secure"] : []), "HttpOnly", "SameSite=Lax"];
    response.setHeader("set-cookie", [`${name}=${value}`, ...attributes].join("; "));
  };
  return {
    set: (credential, { maxAgeSeconds }) => write(credential, maxAgeSeconds),
    clear: () => write("", 0),
  };
}
