import { describe, expect, it } from "vitest";
import { createAddressOf, createNetworkOf, peerAddress } from "../../src/doors/address.js";
import { cleanUserAgent } from "../../src/doors/user-agent.js";
import { canonicalAddress } from "../../src/lib/network.js";

describe("C09: an address has one form", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:0201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["192.0.2.1%eth0", null],
    ["192.0.2.01", null],
    ["192.0.2.1.5", null],
    ["0x7f.1", null],
    ["", null],
    ["unknown", null],
  ])("%s is %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    ["192.0.2.1:50000", "192.0.2.1"],
    ["::1:50000", "::1"],
    ["::ffff:192.0.2.1:50000", "::ffff:192.0.2.1"],
    ["ipv6:[::1]:1234", "::1"],
    ["ipv4:192.0.2.1:1234", "192.0.2.1"],
    ["unknown", "unknown"],
  ])("the peer %s has the address %s", (peer, address) => {
    expect(peerAddress(peer)).toBe(address);
  });
});

describe("the network that connections are counted by", () => {
  const of = createNetworkOf(["10.0.0.0/8", "fd00::/8"]);

  it.each([
    { peer: "198.51.100.7", network: "198.51.100.7" },
    { peer: "::ffff:198.51.100.7", network: "198.51.100.7" },
    { peer: "2001:db8:1:2:aaaa::1", network: "2001:db8:1:2::/64" },
    { peer: "2001:db8:1:2:bbbb::9", network: "2001:db8:1:2::/64" },
    { peer: "2001:db8:1:3::1", network: "2001:db8:1:3::/64" },
    { peer: undefined, network: "0.0.0.0" },
    { peer: "10.1.2.3", network: null },
    { peer: "::ffff:10.1.2.3", network: null },
    { peer: "fd00::5", network: null },
  ])("of $peer is $network", ({ peer, network }) => {
    expect(of(peer)).toBe(network);
  });
});

describe("C09: who called", () => {
  const behind = createAddressOf(["10.0.0.0/8", "192.0.2.9", "fd00::/8"]);

  it.each([
    { what: "no header", socket: "10.0.0.1", header: undefined, is: "10.0.0.1" },
    { what: "a stranger's header", socket: "198.51.100.1", header: "203.0.113.5", is: "198.51.100.1" },
    { what: "one hop", socket: "10.0.0.1", header: "203.0.113.5", is: "203.0.113.5" },
    { what: "an invented hop before the real one", socket: "10.0.0.1", header: "1.1.1.1, 203.0.113.5", is: "203.0.113.5" },
    { what: "a chain of proxies", socket: "::ffff:10.0.0.1", header: "203.0.113.5, 192.0.2.9,10.9.9.9", is: "203.0.113.5" },
    { what: "nobody but proxies", socket: "10.0.0.1", header: "10.0.0.7, 10.0.0.8", is: "10.0.0.7" },
    { what: "a hop in IPv4-mapped form", socket: "10.0.0.1", header: "::ffff:203.0.113.5", is: "203.0.113.5" },
    { what: "a proxy in IPv4-mapped form", socket: "10.0.0.1", header: "203.0.113.5, ::ffff:10.0.0.8", is: "203.0.113.5" },
    { what: "a hop with a port", socket: "10.0.0.1", header: "203.0.113.5:4711", is: "203.0.113.5" },
    { what: "an IPv6 hop with a port", socket: "fd00::1", header: "[2001:DB8::5]:4711", is: "2001:db8::5" },
    { what: "an IPv6 hop with a zone", socket: "fd00::1", header: "fe80::5%en0", is: "fe80::5" },
    { what: "garbage", socket: "10.0.0.1", header: "203.0.113.5, <script>", is: "10.0.0.1" },
    { what: "an empty header", socket: "10.0.0.1", header: "", is: "10.0.0.1" },
    { what: "garbage further left", socket: "10.0.0.1", header: "<script>, 203.0.113.5", is: "203.0.113.5" },
    { what: "10 kB of hops", socket: "10.0.0.1", header: `${"1.1.1.1, ".repeat(1100)}203.0.113.5`, is: "203.0.113.5" },
    { what: "a peer that is gone", socket: undefined, header: "203.0.113.5", is: "0.0.0.0" },
  ])("with $what it is $is", ({ socket, header, is }) => {
    expect(behind(socket, header)).toBe(is);
  });

  it("is the peer of the connection where no proxy is trusted", () => {
    expect(createAddressOf([])("127.0.0.1", "203.0.113.5")).toBe("127.0.0.1");
  });
});

describe("M04: a user agent", () => {
  it("is short and has no control characters", () => {
    expect(cleanUserAgent(`ok\r\n\u001b[31m\u0085${"x".repeat(300)}`)).toBe(`ok[31m${"x".repeat(246)}`);
    expect(cleanUserAgent(undefined)).toBe("");
  });
});
