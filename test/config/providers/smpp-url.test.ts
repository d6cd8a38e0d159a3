import { describe, expect, test } from "vitest";
import type { ProviderContext } from "../../../src/config/providers/provider-url.js";
import { readProvider } from "../../../src/config/providers/read-provider.js";
import { readSmppUrl } from "../../../src/config/providers/smpp-url.js";
import { createAuthority } from "../../support/tls.js";

const pem = createAuthority().cert;
const production: ProviderContext = { isProduction: true, readText: () => pem };
const development: ProviderContext = { ...production, isProduction: false };

describe("smpp:// and smpps://", () => {
  test("have sound values by themselves", () => {
    expect(readSmppUrl("smpp://system:pa%2Fss@smsc.example.com", production)).toMatchObject({
      host: "smsc.example.com",
      port: 2775,
      secure: false,
      ca: null,
      insecure: false,
      systemId: "system",
      systemType: "",
      serviceType: "",
      from: { address: "", ton: 0, npi: 0 },
      window: 10,
      perSecond: null,
      validity: "relative",
      receiptId: null,
    });
    const read = readSmppUrl("smpps://system:pa%2Fss@[::1]", production);
    expect([read.host, read.port, read.secure, read.password.reveal()]).toEqual(["::1", 3550, true, "pa/ss"]);
    expect(JSON.stringify(read)).not.toContain("pa/ss");
  });

  test("take every parameter", () => {
    const url =
      "smpps://system:pass@smsc.example.com:3551/?from=%2B4915112345678&ton=2&npi=8&system_type=OTP&service_type=CMT&window=50" +
      "&per_second=30&validity=absolute&receipt_id=hex&ca=/etc/ca.pem&insecure=1";
    expect(readSmppUrl(url, development)).toMatchObject({
      port: 3551,
      from: { address: "4915112345678", ton: 2, npi: 8 },
      systemType: "OTP",
      serviceType: "CMT",
      window: 50,
      perSecond: 30,
      validity: "absolute",
      receiptId: "hex",
      ca: pem,
      insecure: true,
    });
  });

  test.each([
    ["Latchkey", { address: "Latchkey", ton: 5, npi: 0 }],
    ["My%20Shop", { address: "My Shop", ton: 5, npi: 0 }],
    ["+4915112345678", { address: "4915112345678", ton: 1, npi: 1 }],
    ["4915112345678", { address: "4915112345678", ton: 1, npi: 1 }],
    ["12345", { address: "12345", ton: 3, npi: 0 }],
  ])("a sender %s has its type of number by itself", (from, expected) => {
    expect(readSmppUrl(`smpp://s:p@smsc.example.com?from=${from}`, production).from).toEqual(expected);
  });

  test.each([
    ["smpp://s:p@", "must be smpp://system:password@host:2775"],
    ["smpp://s:p@smsc.example.com/path", "without a path"],
    ["smpp://smsc.example.com", "must have a system id"],
    ["smpp://s@smsc.example.com", "must have a password"],
    ["smpp://a-system-id-too-long:p@smsc.example.com", "must have a system id of 1 to 15"],
    ["smpp://s:p%00w@smsc.example.com", "must have a password of 1 to 64 ASCII characters"],
    ["smpp://s:p@smsc.example.com?from=Twelve-chars", "as `from`"],
    ["smpp://s:p@smsc.example.com?from=Grün", "as `from`"],
    ["smpp://s:p@smsc.example.com?ton=7", "must have a number from 0 to 6 as `ton`"],
    ["smpp://s:p@smsc.example.com?npi=x", "must have a number from 0 to 18 as `npi`"],
    ["smpp://s:p@smsc.example.com?window=0", "must have a number from 1 to 1000 as `window`"],
    ["smpp://s:p@smsc.example.com?per_second=-1", "as `per_second`"],
    ["smpp://s:p@smsc.example.com?validity=late", "must have relative, absolute or none as `validity`"],
    ["smpp://s:p@smsc.example.com?receipt_id=octal", "must have hex or decimal as `receipt_id`"],
    ["smpp://s:p@smsc.example.com?window=1&window=2", "has the parameter `window` twice"],
    ["smpp://s:p@smsc.example.com?colour=red", "has a parameter other than"],
    ["smpp://s:p@smsc.example.com?ca=/etc/ca.pem", "has no TLS"],
    ["smpp://s:p@smsc.example.com?insecure=1", "has no TLS"],
  ])("%s is refused", (url, problem) => {
    expect(() => readSmppUrl(url, development)).toThrow(problem);
  });

  test("an unescaped password is not repeated, and the message says how to write it", () => {
    const read = () => readSmppUrl("smpp://system:hunter/2#@smsc.example.com", production);
    expect(read).toThrow(/percent-encode/);
    expect(read).not.toThrow(/hunter/);
  });

  test("are for SMS alone", () => {
    expect(readProvider("smpp://s:p@smsc.example.com", "sms", production).kind).toBe("smpp");
    expect(readProvider("smpps://s:p@smsc.example.com", "sms", production).kind).toBe("smpp");
    expect(() => readProvider("smpp://s:p@smsc.example.com", "email", production)).toThrow("must begin with smtp://");
  });
});
