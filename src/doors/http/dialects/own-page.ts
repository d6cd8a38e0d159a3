import type { FastifyRequest } from "fastify";
import type { Client } from "../../../model/client.js";

/** What browsers say of requests that no other site makes. Programs other than browsers do not send the header. */
const ownSites: readonly unknown[] = [undefined, "same-origin", "none"];

const hostForm = /^[a-z0-9.[\]-]+(:\d+)?$/i;

/** Returns the name of the host that is called, as the `hosts` of clients are written. */
export function hostOf({ hostname }: FastifyRequest): string {
  return hostname.toLowerCase().replace(/\.$/, "");
}

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
  if (!client.hosts.includes(hostOf(request)) || !hostForm.test(request.host) || !URL.canParse(origin)) return false;
  const page = new URL(origin);
  const own = `${page.protocol}//${request.host}`;
  const isSame = page.origin === origin && URL.canParse(own) && new URL(own).host === page.host;
  return isSame && (page.protocol === "https:" || !secure);
}
