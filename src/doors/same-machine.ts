import type { IncomingMessage } from "node:http";

/** Why a request is refused. */
export interface ForeignRequest {
  readonly status: 421 | 403;
  readonly sentence: string;
}

/**
 * For a loopback listener, which every program on the machine may ask and no web page but its own. A page elsewhere that points its
 * own name at the listener gives itself away by Host. An address can't be pointed elsewhere, so the one that was connected to is a
 * good Host too. Returns null for a request to let in.
 * @param what The subject of the sentence.
 */
export function refuseForeign(request: IncomingMessage, what: string): ForeignRequest | null {
  const { headers, socket } = request;
  const name = (headers.host ?? "").replace(/:\d{1,5}$/, "").toLowerCase();
  if (!["localhost", "127.0.0.1", "[::1]", socket.localAddress].includes(name)) {
    return { status: 421, sentence: `${what} answers only to localhost, 127.0.0.1 and [::1].` };
  }
  return refuseForeignPage(request, what);
}

/** Refuses web pages of other origins, by Origin and Sec-Fetch-Site. Returns null for a request to let in. */
export function refuseForeignPage({ headers }: IncomingMessage, what: string): ForeignRequest | null {
  const { host = "", origin } = headers;
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`) {
    return { status: 403, sentence: `${what} is not for other origins.` };
  }
  const site = headers["sec-fetch-site"];
  const isNavigation = headers["sec-fetch-mode"] === "navigate";
  if (site !== undefined && site !== "same-origin" && site !== "none" && !isNavigation) {
    return { status: 403, sentence: `${what} is not for other sites.` };
  }
  return null;
}
