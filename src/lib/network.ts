import { BlockList, isIP, SocketAddress } from "node:net";

/**
 * Returns the network of a canonical address: an IPv4 address itself, or the /64 of an IPv6 address, which belongs to one host
 * or household.
 */
export function networkOf(address: string): string {
  return address.includes(":") ? ipv6Network(address, 4) : address;
}

/** Returns the /24 of an IPv4 address, or the /48 of an IPv6 address: what one provider or organization may have many of. */
export function wideNetworkOf(address: string): string {
  return address.includes(":") ? ipv6Network(address, 3) : `${address.split(".").slice(0, 3).join(".")}.0/24`;
}

/** Returns the network of an IPv6 address that its first groups of 16 bits name. */
function ipv6Network(address: string, groupsKept: number): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(8 - before.length - after.length, 0);
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups
    .slice(0, groupsKept)
    .map((group) => group.replace(/^0+(?=.)/, "").toLowerCase())
    .join(":")}::/${16 * groupsKept}`;
}

/** Returns a function that says whether a canonical address is one of these addresses or in one of these networks (CIDR). */
export function addressList(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

const mappedIPv4 = /^::ffff:([0-9.]+)$/;

/**
 * Returns IPv4 dotted, IPv6 compressed and in lower case, IPv4-mapped as IPv4, without a zone. Returns null if the text is not
 * an address.
 */
export function canonicalAddress(text: string): string | null {
  const zone = text.indexOf("%");
  const address = zone === -1 ? text : text.slice(0, zone);
  const family = isIP(address);
  if (family === 4) return zone === -1 ? address : null;
  if (family !== 6) return null;
  const compressed = new SocketAddress({ address, family: "ipv6" }).address;
  return mappedIPv4.exec(compressed)?.[1] ?? compressed;
}

/** Returns why a text is not an IP address or a network in CIDR form, or null. */
export function networkProblem(text: string): string | null {
  const match = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text);
  const family = match === null ? 0 : isIP(match[1]!);
  if (match === null || family === 0) return "must be an IP address or a network such as 10.0.0.0/8 or fd00::/8";
  if (/^::ffff:\d+\./i.test(text)) return "must be written as an IPv4 address, without ::ffff:";
  const prefix = match[2];
  const max = family === 6 ? 128 : 32;
  if (prefix === undefined || (Number(prefix) >= 1 && Number(prefix) <= max)) return null;
  return `must have a prefix length from 1 to ${max}: /0 would be every address`;
}

const hostForm = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** Returns why a text is not a host name, an IP address or a network in CIDR form, or null. */
export function hostOrNetworkProblem(text: string): string | null {
  // A name whose last label is a number is an address to URL parsers.
  const isName = text.length <= 253 && hostForm.test(text) && !/(^|\.)(\d+|0x[0-9a-f]*)$/.test(text);
  if (isName) return null;
  if (/^[0-9a-f:.]+(\/|$)/i.test(text)) return networkProblem(text);
  return "must be a host name in lower case, an IP address or a network such as 10.0.0.0/8";
}
