import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ReportRequest } from "../../../src/delivery/provider.js";
import { createTwilioProvider } from "../../../src/delivery/providers/twilio.js";
import { readSignedForm } from "../../../src/delivery/providers/twilio-signature.js";
import { Secret } from "../../../src/lib/secret.js";
import { account, token } from "./twilio-server.js";

const reportsUrl = "https://login.example.com/delivery/reports/twilio";
const now = Date.parse("2026-01-05T10:00:00Z");
const sid = `SM${"0123456789abcdef".repeat(2)}`;

const provider = createTwilioProvider(
  {
    channel: "sms",
    account,
    token: new Secret(token),
    origin: "https://api.twilio.com",
    sender: { from: "+14155550100" },
    template: null,
  },
  { name: "twilio", reportsUrl, clock: () => now },
);

function sign(url: string, form: URLSearchParams, key = token): string {
  const names = [...form.keys()].sort();
  return createHmac("sha1", key)
    .update(url + names.map((name) => name + form.get(name)).join(""))
    .digest("base64");
}

/** The parameters of https://www.twilio.com/docs/messaging/guides/track-outbound-message-status */
function fields(change: Record<string, string> = {}): URLSearchParams {
  const common = { AccountSid: account, From: "+14155550100", To: "+14155550132", ApiVersion: "2010-04-01" };
  return new URLSearchParams({
    ...common,
    MessageSid: sid,
    SmsSid: sid,
    MessageStatus: "delivered",
    SmsStatus: "delivered",
    ...change,
  });
}

function report(form: URLSearchParams, change: Partial<ReportRequest> = {}): ReportRequest {
  const url = change.url ?? `${reportsUrl}?ref=5e4d`;
  return {
    method: "POST",
    url,
    headers: { "content-type": "application/x-www-form-urlencoded", "x-twilio-signature": sign(url, form) },
    body: Buffer.from(form.toString()),
    now,
    ...change,
  };
}

describe("the published examples of Twilio's signature", () => {
  // https://www.twilio.com/docs/usage/security#validating-requests and the tests of Twilio's own libraries.
  const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
  const form = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
  const request = (signature: string, change: Partial<ReportRequest> = {}): ReportRequest => ({
    method: "POST",
    url,
    headers: { "x-twilio-signature": signature },
    body: Buffer.from(form),
    now,
    ...change,
  });

  test.each([
    ["a form", request("RSOYDt4T1cUTdK1PDd93/VVr8B8=")],
    ["a URL that was signed with the port 443", request("kvajT1Ptam85bY51eRf/AJRuM3w=")],
    [
      "an http URL that was signed with the port 80",
      request("0ZXoZLH/DfblKGATFgpif+LLRf4=", { url: url.replace("https", "http") }),
    ],
    [
      "a URL with a port that was signed without",
      request("RSOYDt4T1cUTdK1PDd93/VVr8B8=", { url: url.replace(".com", ".com:1234") }),
    ],
    [
      "a name that occurs more than once",
      request("IK+Dwps556ElfBT0I3Rgjkr1wJU=", {
        body: Buffer.from("Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234"),
      }),
    ],
    [
      "a JSON body by its hash",
      request("a9nBmqA0ju/hNViExpshrM61xv4=", {
        url: `${url}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620`,
        body: Buffer.from('{"property": "value", "boolean": true}'),
      }),
    ],
  ])("hold for %s", (_name, signed) => {
    expect(readSignedForm(signed, "12345")).not.toBeNull();
    expect(readSignedForm(signed, "12346")).toBeNull();
    expect(readSignedForm({ ...signed, body: Buffer.concat([signed.body, Buffer.from("&x=1")]) }, "12345")).toBeNull();
    expect(readSignedForm({ ...signed, url: `${signed.url}&x=1` }, "12345")).toBeNull();
  });
});

describe("a report of Twilio", () => {
  test.each([
    [{ MessageStatus: "sent" }, { status: "sent", cause: "" }],
    [{ MessageStatus: "delivered" }, { status: "delivered", cause: "" }],
    [{ MessageStatus: "read" }, { status: "delivered" }],
    [
      { MessageStatus: "undelivered", ErrorCode: "30003" },
      { status: "undelivered", cause: "Twilio error 30003: the phone can't be reached" },
    ],
    [{ MessageStatus: "undelivered" }, { status: "undelivered", cause: "undelivered" }],
    [
      { MessageStatus: "failed", ErrorCode: "21408" },
      { status: "failed", cause: expect.stringContaining("no permission") },
    ],
    [{ MessageStatus: "failed", ErrorCode: "30036" }, { status: "expired" }],
    [
      { MessageStatus: "failed", ErrorCode: "+14155550132" },
      { status: "failed", cause: "failed" },
    ],
  ])("says %j", async (change, expected) => {
    const read = await provider.readReports(report(fields(change)));
    expect(read).toMatchObject({ kind: "reports", reports: [{ sendKey: "5e4d", providerMessageId: sid, ...expected }] });
  });

  test.each([
    ["completed", "delivered"],
    ["busy", "undelivered"],
    ["no-answer", "undelivered"],
    ["failed", "failed"],
    ["canceled", "failed"],
  ])("about a call that is %s says %s", async (said, status) => {
    const id = sid.replace("SM", "CA");
    const form = new URLSearchParams({ AccountSid: account, CallSid: id, CallStatus: said, CallDuration: "12" });
    expect(await provider.readReports(report(form))).toMatchObject({
      kind: "reports",
      reports: [{ providerMessageId: id, status }],
    });
  });

  test.each(["queued", "accepted", "scheduled", "sending", "constructor"])("about %s changes nothing", async (said) => {
    expect(await provider.readReports(report(fields({ MessageStatus: said })))).toEqual({ kind: "reports", reports: [] });
  });

  test("finds its message by Twilio's id if our reference is missing", async () => {
    const read = await provider.readReports(report(fields(), { url: reportsUrl }));
    expect(read).toEqual({ kind: "reports", reports: [{ providerMessageId: sid, status: "delivered", cause: "" }] });
  });

  test.each([
    [{ MessageSid: "SM1" }],
    [{ MessageStatus: "" }],
    [{ MessageStatus: "delivered\r\n" }],
    [{ MessageStatus: "d".repeat(100) }],
  ])("that makes no sense is malformed: %j", async (change) => {
    expect(await provider.readReports(report(fields(change)))).toEqual({ kind: "malformed" });
  });
});

describe("a forged report of Twilio is refused (F11)", () => {
  const good = report(fields());
  const signature = good.headers["x-twilio-signature"] ?? "";
  const other = `${reportsUrl}-2?ref=5e4d`;
  const json = Buffer.from(JSON.stringify(Object.fromEntries(fields())));

  test("while the authentic one is read", async () => {
    expect((await provider.readReports(good)).kind).toBe("reports");
  });

  test.each<[string, ReportRequest]>([
    ["without a signature", { ...good, headers: {} }],
    ["with an empty signature", { ...good, headers: { "x-twilio-signature": "" } }],
    ["with a signature of another token", { ...good, headers: { "x-twilio-signature": sign(good.url, fields(), "other") } }],
    ["with the signature in other letters", { ...good, headers: { "x-twilio-signature": signature.toLowerCase() } }],
    [
      "with the signature in hexadecimal",
      { ...good, headers: { "x-twilio-signature": Buffer.from(signature, "base64").toString("hex") } },
    ],
    ["with another body", { ...good, body: Buffer.from(fields({ MessageStatus: "failed" }).toString()) }],
    ["with one more parameter", { ...good, body: Buffer.from(`${fields()}&x=1`) }],
    ["with no body", { ...good, body: Buffer.alloc(0) }],
    ["with the same fields as JSON", { ...good, body: json }],
    ["with another reference", { ...good, url: `${reportsUrl}?ref=ffff` }],
    ["without the reference", { ...good, url: reportsUrl }],
    ["at another provider's address", { ...good, url: other }],
    ["signed for another provider's address", report(fields(), { url: other })],
    ["by GET", { ...good, method: "GET" }],
    ["of another account", report(fields({ AccountSid: account.replace("AC0", "AC1") }))],
    ["with a hash of another body", withHash(json, Buffer.from("{}"))],
    ["with a hash and no signature", { ...withHash(json, json), headers: {} }],
  ])("%s", async (_name, request) => {
    expect(await provider.readReports(request)).toEqual({ kind: "forged" });
  });

  test("and one with the hash of its JSON body is read", async () => {
    expect(await provider.readReports(withHash(json, json))).toMatchObject({
      kind: "reports",
      reports: [{ status: "delivered" }],
    });
  });

  test("and a replayed one says the same again and nothing more", async () => {
    const first = await provider.readReports(good);
    for (let round = 0; round < 1_000; round += 1) expect(await provider.readReports(good)).toEqual(first);
  });

  function withHash(body: Buffer, hashed: Buffer): ReportRequest {
    const url = `${reportsUrl}?ref=5e4d&bodySHA256=${createHash("sha256").update(hashed).digest("hex")}`;
    const headers = { "content-type": "application/json", "x-twilio-signature": sign(url, new URLSearchParams()) };
    return { method: "POST", url, headers, body, now };
  }
});

test("a forged report with thousands of parameters is refused at once, so that a few of them can't stop the process", async () => {
  const names = Array.from({ length: 16_000 }, (_, n) => n.toString(36));
  const begin = performance.now();
  expect(await provider.readReports({ ...report(fields()), body: Buffer.from(names.join("&")) })).toEqual({ kind: "forged" });
  expect(performance.now() - begin).toBeLessThan(1_000);
});
