import { BlockList, isIP, SocketAddress } from "node:net";
import { networkOf } from "../lib/network.js";

/**
 * Returns the address of a caller. `socketAddress` is the peer of the connection, `forwardedFor` the `X-Forwarded-For` header
 * as sent.
 */
export type AddressOf = (socketAddress: string | undefined, forwardedFor: string | undefined) => string;

/** Stands for the address of a peer that is already gone. No caller can have it. */
const noAddress = "0.0.0.0";

/** A chain of proxies has a few hops. To the left of them callers can write any number of hops. */
const hopsMax = 32;

/**
 * `X-Forwarded-For` counts only behind a trusted proxy. It is read from right to left up to the first hop that is not a trusted
 * proxy. A trusted party wrote this hop, so no caller can choose it. If one of these hops is not an address, the header is
 * ignored.
 */
export function createAddressOf(trustedProxies: readonly string[]): AddressOf {
  const trusted = trustedProxies.length === 0 ? null : toBlockList(trustedProxies);
  return (socketAddress, forwardedFor) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? noAddress;
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

/** Returns the network of a connection's peer, or null for a trusted proxy, which carries calls of many networks. */
export type NetworkOf = (socketAddress: string | undefined) => string | null;

export function createNetworkOf(trustedProxies: readonly string[]): NetworkOf {
  const trusted = toBlockList(trustedProxies);
  return (socketAddress) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? noAddress;
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

/** Removes port and brackets from `192.0.2.1:80` and `[2001:db8::1]:80`, as some proxies write hops. */
function withoutPort(hop: string): string {
  const match = /^(?:\[([^\]]*)\](?::\d{1,5})?|([0-9.]+):\d{1,5})$/.exec(hop);
  return match?.[1] ?? match?.[2] ?? hop;
}

/** Returns the address in a peer name of grpc-js: `192.0.2.1:1234`, `::1:1234` or `ipv6:[::1]:1234`. */
export function peerAddress(peer: string): string {
  const bare = peer.replace(/^ipv[46]:/, "");
  if (bare.startsWith("[")) return bare.slice(1, bare.indexOf("]"));
  const port = bare.lastIndexOf(":");
  return port === -1 ? bare : bare.slice(0, port);
}
