import { addressList } from "../lib/network.js";

/**
 * The IPv4 networks that the Internet does not route to one other host: the IANA special-purpose registry (RFC 6890), multicast
 * (RFC 5771) and class E (RFC 1112). 168.63.129.16 is the metadata address of Azure; those of other clouds are in the networks.
 */
const specialIPv4 = addressList([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "168.63.129.16",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.31.196.0/24",
  "192.52.193.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "192.175.48.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
]);

/** Global unicast (RFC 4291 §2.4). Loopback, link-local, unique-local, multicast and IPv4-compatible addresses are outside. */
const globalIPv6 = addressList(["2000::/3"]);

/** The parts of 2000::/3 in the IANA special-purpose registry. Teredo, in 2001::/23, and 6to4 contain IPv4 addresses. */
const specialIPv6 = addressList(["2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"]);

/** The prefix of NAT64 (RFC 6052 §2.1). The last 32 bits are the IPv4 address that the packets reach. */
const nat64 = addressList(["64:ff9b::/96"]);

/** Returns whether a canonical address is one that the public Internet routes to one host. */
export function isPublicAddress(address: string): boolean {
  if (!address.includes(":")) return !specialIPv4(address);
  if (nat64(address)) return !specialIPv4(embeddedIPv4(address));
  return globalIPv6(address) && !specialIPv6(address);
}

/** Returns the last 32 bits of a canonical address of NAT64 in dotted form. */
function embeddedIPv4(address: string): string {
  const groups = address.slice(address.indexOf("::") + 2).split(":");
  const [low = 0, high = 0] = groups.map((group) => Number.parseInt(group || "0", 16)).reverse();
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
