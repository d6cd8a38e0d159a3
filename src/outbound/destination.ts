import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostOf } from "../lib/host.js";
import { canonicalAddress } from "../lib/network.js";
import type { Allowed } from "./allowed.js";
import { isPublicAddress } from "./public-address.js";

/** Returns the addresses of a host name. Rejects or returns none if there are none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Asks the system, so that `/etc/hosts` and search domains count. */
export const resolveBySystem: Resolve = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Where a URL leads now. */
export type Destination =
  /** Canonical addresses, at least one, each of which may be connected to. */
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "name_unknown" }
  /** At least one address is neither public nor allowed. */
  | { readonly kind: "address_refused" }
  /** The scheme is http, and at least one address is not allowed. */
  | { readonly kind: "https_required" };

/** Resolves the host of a URL and checks each of its addresses. A literal address is not resolved. */
export async function destinationOf(
  url: URL,
  { allowed, resolve }: { readonly allowed: Allowed; readonly resolve: Resolve },
): Promise<Destination> {
  const host = hostOf(url);
  const texts = isIP(host) === 0 ? await resolve(host).catch(() => []) : [host];
  const addresses: string[] = [];
  for (const text of texts) {
    const address = canonicalAddress(text);
    // A zone names an interface of this machine.
    if (address === null || text.includes("%")) return { kind: "address_refused" };
    if (!allowed.host(host) && !allowed.address(address)) {
      if (!isPublicAddress(address)) return { kind: "address_refused" };
      if (url.protocol !== "https:") return { kind: "https_required" };
    }
    addresses.push(address);
  }
  return addresses.length === 0 ? { kind: "name_unknown" } : { kind: "addresses", addresses };
}
