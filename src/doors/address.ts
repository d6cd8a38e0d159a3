import { BlockList, isIP, SocketAddress } from "node:net";
import { networkOf } from "../lib/network.js";

/** Who called: `socketAddress` is the peer of the connection, `forwardedFor` the `X-Forwarded-For` header as it came. */
export type AddressOf = (socketAddress: string | undefined, forwardedFor: string | undefined) => string;

/** Of a peer that is gone already; nobody can call from it. */
const nobody = "0.0.0.0";

/** A chain of proxies is a few hops; what is left of them was written by strangers. */
const hopsMax = 32;

/**
 * `X-Forwarded-For` counts only behind a trusted proxy, read from right to left up to the first hop that is not one: the only hop
 * that a trusted party wrote down and an untrusted one can't choose. A list that is not made of addresses is not believed at all.
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  const trusted = trustedProxies.length === 0 ? null : toBlockList(trustedProxies);
  return (socketAddress, forwardedFor) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? nobody;
    if (trusted === null || forwardedFor === undefined || !isTrusted(trusted, peer)) return peer;
    const hops = forwardedFor.split(",").slice(-hopsMax);
    let address = peer;
    for (const hop of hops.reverse()) {
      const next = canonicalAddress(withoutPort(hop.trim()));
      if (next === null) return peer;
      address = next;
      if (!isTrusted(trusted, address)) break;
    }
    return address;
  };
}

/** The network that the peer of a connection belongs to. Returns null for a trusted proxy, which brings calls of many networks. */
export type NetworkOf = (socketAddress: string | undefined) => string | null;

export function createNetworkOf(trustedProxies: readonly string[]): NetworkOf {
  const trusted = toBlockList(trustedProxies);
  return (socketAddress) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? nobody;
    return isTrusted(trusted, peer) ? null : networkOf(peer);
  };
}

function toBlockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", prefix] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

function isTrusted(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

const mappedIPv4 = /^::ffff:([0-9.]+)$/;

/** IPv4 dotted, IPv6 compressed and in lower case, IPv4-mapped as IPv4, zone dropped. Null: not an address. */
export function canonicalAddress(text: string): string | null {
  const zone = text.indexOf("%");
  const address = zone === -1 ? text : text.slice(0, zone);
  const family = isIP(address);
  if (family === 4) return zone === -1 ? address : null;
  if (family !== 6) return null;
  const compressed = new SocketAddress({ address, family: "ipv6" }).address;
  return mappedIPv4.exec(compressed)?.[1] ?? compressed;
}

/** `192.0.2.1:80` and `[2001:db8::1]:80`, as some proxies write hops, without port and brackets. */
function withoutPort(hop: string): string {
  const match = /^(?:\[([^\]]*)\](?::\d{1,5})?|([0-9.]+):\d{1,5})$/.exec(hop);
  return match?.[1] ?? match?.[2] ?? hop;
}

/** The address in what grpc-js calls a peer: `192.0.2.1:1234`, `::1:1234`, also `ipv6:[::1]:1234`. */
export function peerAddress(peer: string): string {
  const bare = peer.replace(/^ipv[46]:/, "");
  if (bare.startsWith("[")) return bare.slice(1, bare.indexOf("]"));
  const port = bare.lastIndexOf(":");
  return port === -1 ? bare : bare.slice(0, port);
}
