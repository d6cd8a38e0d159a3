import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalAddress } from "../../src/lib/network.js";
import { isPublicAddress } from "../../src/outbound/public-address.js";

describe("an address is public", () => {
  it.each(["1.1.1.1", "8.8.8.8", "172.15.255.255", "172.32.0.0", "100.63.255.255", "223.255.255.255", "192.167.255.255"])(
    "%s",
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  it.each(["2606:4700:4700::1111", "2a00:1450:4001::200e", "64:ff9b::8.8.8.8", "::ffff:8.8.8.8"])("%s", (address) =>
    expect(isPublicAddress(canonicalAddress(address)!)).toBe(true),
  );
});

describe("an address is not public", () => {
  it.each([
    ["this host", "0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0"],
    ["loopback", "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1"],
    ["loopback behind NAT64", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::", "64:ff9b::1"],
    ["loopback in 6to4", "2002:7f00:1::", "2002:7f00:0001::1"],
    ["loopback in Teredo", "2001:0:4136:e378:8000:63bf:80ff:fffe"],
    ["loopback in IPv4-translated form", "::ffff:0:127.0.0.1"],
    ["private", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::ffff:10.0.0.1", "::ffff:c0a8:101"],
    ["private behind NAT64 and 6to4", "64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1", "2002:a00:1::", "2002:c0a8:101::1"],
    ["NAT64 of an own prefix", "64:ff9b:1::8.8.8.8"],
    ["shared", "100.64.0.1", "100.127.255.255"],
    ["link-local", "169.254.0.1", "fe80::1", "febf::1"],
    ["unique-local and site-local", "fc00::1", "fd12:3456:789a::1", "fec0::1"],
    ["metadata", "169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"],
    ["metadata in other forms", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::"],
    ["multicast and broadcast", "224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1", "ff0e::1"],
    ["documentation and benchmarks", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "2001:db8::1", "3fff::1"],
    ["reserved", "240.0.0.1", "4000::1", "100::1", "5f00::1"],
  ])("%s", (_what, ...addresses) => {
    for (const address of addresses) expect(isPublicAddress(canonicalAddress(address)!), address).toBe(false);
  });

  it("if it is any mapped or NAT64 form of an IPv4 address that is not", () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const own = isPublicAddress(address);
        expect(isPublicAddress(canonicalAddress(`::ffff:${address}`)!)).toBe(own);
        expect(isPublicAddress(canonicalAddress(`64:ff9b::${address}`)!)).toBe(own);
      }),
    );
  });
});
