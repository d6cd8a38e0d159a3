import type { FastifyRequest } from "fastify";
import type { Client } from "../../../model/client.js";

/** What browsers say of requests that no other site makes. Programs other than browsers do not send the header. */
const ownSites: readonly unknown[] = [undefined, "same-origin", "none"];

/**
 * Returns whether no page of another site makes the request: the page is one of the host that is called and that host is the
 * client's, or there is no origin and the browser, if it is one, says so.
 */
export function isOwnPage(
  request: FastifyRequest,
  from: { readonly client: Client; readonly origin: string | undefined; readonly secure: boolean },
): boolean {
  const { client, origin, secure } = from;
  if (origin === undefined) return ownSites.includes(request.headers["sec-fetch-site"]);
  if (!client.hosts.includes(request.hostname) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const own = `${page.protocol}//${request.host}`;
  return (page.protocol === "https:" || !secure) && URL.canParse(own) && new URL(own).host === page.host;
}
