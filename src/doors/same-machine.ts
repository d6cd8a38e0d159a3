import type { IncomingMessage } from "node:http";

/** Why a request is refused. */
export interface ForeignRequest {
  readonly status: 421 | 403;
  readonly sentence: string;
}

/**
 * Protects a loopback listener: every program on the machine may use it, but no web page except its own. A foreign page that
 * points its own name at the listener (DNS rebinding) is recognized by Host. The address that was connected to is also a valid
 * Host, because an address can't be pointed elsewhere. Returns null if the request is allowed.
 * @param what The subject of the error sentence.
 */
export function refuseForeign(request: IncomingMessage, what: string): ForeignRequest | null {
  const { headers, socket } = request;
  const name = (headers.host ?? "").replace(/:\d{1,5}$/, "").toLowerCase();
  if (!["localhost", "127.0.0.1", "[::1]", socket.localAddress].includes(name)) {
    return { status: 421, sentence: `${what} answers only to localhost, 127.0.0.1 and [::1].` };
  }
  return refuseForeignPage(request, what);
}

/** Refuses web pages of other origins, by Origin and Sec-Fetch-Site. Returns null if the request is allowed. */
export function refuseForeignPage({ headers }: IncomingMessage, what: string): ForeignRequest | null {
  const { host = "", origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return { status: 403, sentence: `${what} can't be used by pages of other origins.` };
  }
  const site = headers["sec-fetch-site"];
  const isNavigation = headers["sec-fetch-mode"] === "navigate";
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isNavigation) {
    return { status: 403, sentence: `${what} can't be used by pages of other sites.` };
  }
  return null;
}
