import type { IncomingMessage } from "node:http";

/** Why a request is refused. */
export interface ForeignRequest {
  readonly status: 421 | 403;
  readonly sentence: string;
}

/**
 * For a loopback listener, which every program on the machine may ask and no web page but its own: a page elsewhere that points its
 * own name at the listener is told by Host, one that asks it by Origin and Sec-Fetch-Site. An address can't be pointed elsewhere, so
 * the one that was connected to is good as Host too. Null: let it in.
 * @param what Who answers, as the sentence begins.
 */
export function refuseForeign({ headers, socket }: IncomingMessage, what: string): ForeignRequest | null {
  const { host = "", origin } = headers;
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  if (!["localhost", "127.0.0.1", "[::1]", socket.localAddress].includes(name)) {
    return { status: 421, sentence: `${what} answers only to localhost, 127.0.0.1 and [::1].` };
  }
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
