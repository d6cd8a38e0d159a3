import { addressList, canonicalAddress, networkOf } from "../lib/network.js";

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
  const isTrusted = trustedProxies.length === 0 ? null : addressList(trustedProxies);
  return (socketAddress, forwardedFor) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? noAddress;
    if (isTrusted === null || forwardedFor === undefined || !isTrusted(peer)) return peer;
    const hops = forwardedFor.split(",").slice(-hopsMax);
    let address = peer;
    for (const hop of hops.reverse()) {
      const next = canonicalAddress(withoutPort(hop.trim()));
      if (next === null) return peer;
      address = next;
      if (!isTrusted(address)) break;
    }
    return address;
  };
}

/** Returns the network of a connection's peer, or null for a trusted proxy, which carries calls of many networks. */
export type NetworkOf = (socketAddress: string | undefined) => string | null;

export function createNetworkOf(trustedProxies: readonly string[]): NetworkOf {
  const isTrusted = addressList(trustedProxies);
  return (socketAddress) => {
    const peer = canonicalAddress(socketAddress ?? "") ?? noAddress;
    return isTrusted(peer) ? null : networkOf(peer);
  };
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
