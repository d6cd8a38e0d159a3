import { createHash, createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { ReportRequest } from "../../../src/delivery/provider.js";
import { createVonageProvider } from "../../../src/delivery/providers/vonage.js";
import { hasVonageSignature, vonageSignature } from "../../../src/delivery/providers/vonage-signature.js";
import { Secret } from "../../../src/lib/secret.js";
import { message } from "../fixtures.js";
import { startAnswering } from "./carrier-server.js";
import { key, part, secret, signatureSecret, taken } from "./vonage-server.js";

const reportsUrl = "https://login.example.com/delivery/reports/vonage";
const now = Date.parse("2026-01-05T10:00:00Z");
const seconds = now / 1000;
const id = "0A0000001234567B";

type Fields = Readonly<Record<string, string>>;

function vonage(signedWith: string | null = signatureSecret, origin = "https://rest.nexmo.com") {
  return createVonageProvider(
    {
      key,
      secret: new Secret(secret),
      signatureSecret: signedWith === null ? null : new Secret(signedWith),
      origin,
      from: "Example",
      insecure: true,
    },
    { name: "vonage", reportsUrl, clock: () => now },
  );
}
const provider = vonage();

/** The parameters of https://developer.vonage.com/en/messaging/sms/guides/delivery-receipts */
function fields(change: Fields = {}): Fields {
  return {
    msisdn: "14155550132",
    to: "Example & Co = us",
    "network-code": "12345",
    messageId: id,
    price: "0.03330000",
    status: "delivered",
    scts: "2601051000",
    "err-code": "0",
    "api-key": key,
    "client-ref": "5e4d",
    "message-timestamp": "2026-01-05 10:00:00",
    timestamp: String(seconds),
    nonce: "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    ...change,
  };
}

function signed(change: Fields = {}, { by = signatureSecret, algorithm = "sha256" as "sha256" | "sha512" } = {}): Fields {
  const all = fields(change);
  return { ...all, sig: vonageSignature(all, { secret: by, algorithm }).toString("hex") };
}

function form(all: Fields, change: Partial<ReportRequest> = {}): ReportRequest {
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  return { method: "POST", url: reportsUrl, headers, body: Buffer.from(String(new URLSearchParams(all))), now, ...change };
}

function json(all: unknown, change: Partial<ReportRequest> = {}): ReportRequest {
  const headers = { "content-type": "application/json; charset=utf-8" };
  return { method: "POST", url: reportsUrl, headers, body: Buffer.from(JSON.stringify(all)), now, ...change };
}

function get(all: Fields, change: Partial<ReportRequest> = {}): ReportRequest {
  const url = `${reportsUrl}?${new URLSearchParams(all)}`;
  return { method: "GET", url, headers: {}, body: Buffer.alloc(0), now, ...change };
}

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Adds the JWT of a request whose payload is this text. */
function withToken(
  request: ReportRequest,
  payload: string,
  { by = signatureSecret, head = { typ: "JWT", alg: "HS256" } as object, claims = {} as object } = {},
): ReportRequest {
  const hash = createHash("sha256").update(payload).digest("hex");
  const all = { iat: seconds, jti: "c5ba8f24", iss: "Vonage", payload_hash: hash, api_key: key, ...claims };
  const text = `${encoded(head)}.${encoded(all)}`;
  const authorization = `Bearer ${text}.${createHmac("sha256", by).update(text).digest("base64url")}`;
  return { ...request, headers: { ...request.headers, authorization } };
}

describe("the published examples of Vonage's signature", () => {
  // Tests of Vonage's own libraries: test/vonage/signature_test.rb of vonage-ruby-sdk, RequestSigningTest of vonage-java-sdk.
  const example = {
    "message-timestamp": "2013-11-21 15:27:30",
    messageId: "020000001B0FE827",
    msisdn: "14843472194",
    text: "Test again",
    timestamp: "1385047698",
    to: "13239877404",
    type: "text",
  };
  const at = 1_385_047_698_000;
  const sha256 = "DDB8397C2B90AAC7F3882D306475C9A5058C92322EEF43C92B298B6E0FC0D330";
  const sha512 =
    "E0D3C650F8C9D1A5C174D10DDDBFB003E561F59B265616208B0487C5D819481CD3C311D59CF6165ECD1139622D5BA3A256C0D763AC4A9AD9144B5A426B94FE82";
  const holds = (sig: string, { change = {} as Fields, by = "my_secret_key_for_testing", when = at } = {}) =>
    hasVonageSignature({ ...example, sig, ...change }, { key, secret: by, now: when });

  test.each([
    ["SHA-256", sha256],
    ["SHA-256 in lower case", sha256.toLowerCase()],
    ["SHA-512", sha512],
  ])("hold for %s", (_name, sig) => {
    expect(holds(sig)).toBe(true);
    expect(holds(sig, { by: "another_secret" })).toBe(false);
    expect(holds(sig, { change: { text: "Test  again" } })).toBe(false);
    expect(holds(sig, { change: { c: "" } })).toBe(false);
    expect(holds(sig, { when: at + 300_000 })).toBe(true);
    expect(holds(sig, { when: at + 300_001 })).toBe(false);
    expect(holds(sig, { when: at - 300_001 })).toBe(false);
  });

  test("hold for the parameters of a request", () => {
    const given = { b: "bananas", timestamp: "2100", a: "alphabet" };
    expect(vonageSignature(given, { secret: "abcde", algorithm: "sha256" }).toString("hex")).toBe(
      "8d1b0428276b6a070578225914c3502cc0687a454dfbbbb370c76a14234cb546",
    );
  });

  test("count & and = in a value as _", () => {
    const of = (k: string) => vonageSignature({ k }, { secret: "abcde", algorithm: "sha256" });
    expect(of("&=")).toEqual(of("__"));
  });

  test.each([
    ["MD5 of the text", "d2e7b1dc968737c5998ad624e02f90b7"],
    ["HMAC by MD5", "DDEBD46008C2D4E93CCE578A332A52D5"],
    ["HMAC by SHA-1", "27D0D05C2876C7CB1720DBCDBA4D492E1E55C09A"],
  ])("are refused for %s, which is too weak", (_name, sig) => {
    expect(holds(sig)).toBe(false);
  });
});

describe("a report of Vonage", () => {
  test.each([
    [{ status: "accepted" }, { status: "sent", cause: "" }],
    [{ status: "buffered" }, { status: "sent", cause: "" }],
    [{ status: "delivered" }, { status: "delivered", cause: "" }],
    [{ status: "expired" }, { status: "expired", cause: "expired" }],
    [
      { status: "failed", "err-code": "2" },
      { status: "undelivered", cause: "Vonage error 2: the phone is off or out of reach now" },
    ],
    [
      { status: "rejected", "err-code": "6" },
      { status: "undelivered", cause: "Vonage error 6: the operator filtered the message as spam" },
    ],
    [
      { status: "failed", "err-code": "77" },
      { status: "undelivered", cause: "Vonage error 77" },
    ],
    [
      { status: "failed", "err-code": "+14155550132" },
      { status: "undelivered", cause: "failed" },
    ],
  ])("says %j", async (change, expected) => {
    for (const request of [form(signed(change)), json(signed(change)), get(signed(change))]) {
      expect(await provider.readReports(request)).toEqual({
        kind: "reports",
        reports: [{ sendKey: "5e4d", providerMessageId: id, ...expected }],
      });
    }
  });

  test.each(["unknown", "constructor", "new"])("about %s changes nothing", async (status) => {
    expect(await provider.readReports(form(signed({ status })))).toEqual({ kind: "reports", reports: [] });
  });

  test("may be signed by SHA-512", async () => {
    expect((await provider.readReports(form(signed({}, { algorithm: "sha512" })))).kind).toBe("reports");
  });

  test("with a JWT is read as JSON, a form and a query", async () => {
    const payload = JSON.stringify(fields());
    for (const request of [json(fields()), form(fields()), get(fields())]) {
      expect(await provider.readReports(withToken(request, payload))).toMatchObject({
        kind: "reports",
        reports: [{ status: "delivered", sendKey: "5e4d" }],
      });
    }
    const spaced = json({}, { body: Buffer.from(JSON.stringify(fields(), null, 2)) });
    expect((await provider.readReports(withToken(spaced, String(spaced.body)))).kind).toBe("reports");
  });

  test("finds its message by Vonage's id if our reference is missing, and by our reference if the id is", async () => {
    expect(await provider.readReports(form(signed({ "client-ref": "" })))).toEqual({
      kind: "reports",
      reports: [{ providerMessageId: id, status: "delivered", cause: "" }],
    });
    expect(await provider.readReports(form(signed({ messageId: "" })))).toEqual({
      kind: "reports",
      reports: [{ sendKey: "5e4d", status: "delivered", cause: "" }],
    });
  });

  test("may leave out the API key, as older ones do", async () => {
    const { "api-key": _key, ...rest } = fields();
    const sig = vonageSignature(rest, { secret: signatureSecret, algorithm: "sha256" }).toString("hex");
    expect((await provider.readReports(form({ ...rest, sig }))).kind).toBe("reports");
  });

  test.each<[Fields]>([
    [{ messageId: "", "client-ref": "" }],
    [{ messageId: "a b", "client-ref": "a\r\nb" }],
    [{ status: "" }],
    [{ status: "delivered\r\n" }],
    [{ status: "d".repeat(100) }],
  ])("that makes no sense is malformed: %j", async (change) => {
    expect(await provider.readReports(form(signed(change)))).toEqual({ kind: "malformed" });
  });
});

describe("the reports of a text in several parts", () => {
  /** What the receipts of its three parts say, one after the other. */
  const read = async (changes: readonly Fields[], { by = signatureSecret } = {}) => {
    const server = await startAnswering(taken(["A1", "A2", "A3"].map((of) => part("0", { "message-id": of }))));
    try {
      const on = vonage(signatureSecret, server.origin);
      expect(await on.send(message("sms"))).toMatchObject({ providerMessageId: "A1", segments: 3 });
      const results = [];
      for (const change of changes) results.push(await on.readReports(form(signed(change, { by }))));
      return results.map((result) => (result.kind === "reports" ? result.reports : result.kind));
    } finally {
      await server.stop();
    }
  };
  const receipt = (messageId: string, status = "delivered") => ({ messageId, status });
  const said = (status: string, cause = "") => [{ sendKey: "5e4d", providerMessageId: "A1", status, cause }];

  test("say that it arrived once all of its parts have, and again if the last one is repeated", async () => {
    const receipts = [receipt("A1"), receipt("A1"), receipt("A2", "buffered"), receipt("A3"), receipt("A2"), receipt("A2")];
    expect(await read(receipts)).toEqual([[], [], said("sent"), [], said("delivered"), said("delivered")]);
  });

  test("say that it did not arrive if any part did not", async () => {
    const failed = { ...receipt("A3", "failed"), "err-code": "2" };
    const expected = said("undelivered", "Vonage error 2: the phone is off or out of reach now");
    expect(await read([receipt("A1"), failed, receipt("A2")])).toEqual([[], expected, []]);
  });

  test("count for nothing if they are forged", async () => {
    const receipts = ["A1", "A2", "A3"].map((of) => receipt(of));
    expect(await read(receipts, { by: "other" })).toEqual(["forged", "forged", "forged"]);
  });
});

describe("a forged report of Vonage is refused (F11)", () => {
  const good = signed();
  const text = String(new URLSearchParams(good));
  const body = (change: string) => form(good, { body: Buffer.from(change) });
  const payload = JSON.stringify(fields());
  const token = (options: Parameters<typeof withToken>[2] = {}) => withToken(json(fields()), payload, options);

  test("while the authentic ones are read", async () => {
    expect((await provider.readReports(form(good))).kind).toBe("reports");
    expect((await provider.readReports(token())).kind).toBe("reports");
  });

  test.each<[string, ReportRequest]>([
    ["without a signature", form(fields())],
    ["with an empty signature", form({ ...fields(), sig: "" })],
    ["with a signature of another secret", form(signed({}, { by: "other" }))],
    ["with the API secret instead of the signature secret", form(signed({}, { by: secret }))],
    ["with the signature in base64", form({ ...good, sig: Buffer.from(good.sig!, "hex").toString("base64") })],
    ["with half of the signature", form({ ...good, sig: good.sig!.slice(0, 32) })],
    ["with another status", form({ ...good, status: "failed" })],
    ["with another reference", form({ ...good, "client-ref": "ffff" })],
    ["with one more parameter", body(`${text}&x=1`)],
    ["with a parameter twice", body(`${text}&status=delivered`)],
    ["with the signature twice", body(`${text}&sig=${good.sig}`)],
    ["with no body", body("")],
    ["with the signature in the query only", form(fields(), { url: `${reportsUrl}?sig=${good.sig}` })],
    ["at another provider's address", form(good, { url: `${reportsUrl}-2` })],
    ["by PUT", form(good, { method: "PUT" })],
    ["of another account", form(signed({ "api-key": "dcba4321" }))],
    ["from 301 s ago", form(signed({ timestamp: String(seconds - 301) }))],
    ["from 301 s ahead", form(signed({ timestamp: String(seconds + 301) }))],
    ["with a time of letters", form(signed({ timestamp: "now" }))],
    ["with a field that is no text", json({ ...good, x: { y: 1 } })],
    ["with a list as JSON", json([good])],
    ["with null as JSON", json(null)],
    ["with nonsense as JSON", json("", { body: Buffer.from("{") })],
    ["with a JWT of another secret", token({ by: "other" })],
    ["with a JWT of the algorithm none", token({ head: { typ: "JWT", alg: "none" } })],
    ["with a JWT of another account", token({ claims: { api_key: "dcba4321" } })],
    ["with a JWT from 301 s ago", token({ claims: { iat: seconds - 301 } })],
    ["with a JWT from 301 s ahead", token({ claims: { iat: seconds + 301 } })],
    ["with a JWT without a time", token({ claims: { iat: undefined } })],
    ["with a JWT without a hash", token({ claims: { payload_hash: undefined } })],
    ["with a JWT of another body", withToken(json(fields({ status: "failed" })), payload)],
    ["with a JWT and a body of other order", withToken(json(Object.fromEntries(Object.entries(fields()).reverse())), payload)],
    ["with an unsigned JWT", unsigned(token())],
    ["with a wrong JWT beside a right signature", { ...form(good), headers: { authorization: "Bearer x.y.z" } }],
    ["with a login instead of a JWT", { ...json(fields()), headers: { authorization: "Basic YTpi" } }],
  ])("%s", async (_name, request) => {
    expect(await provider.readReports(request)).toEqual({ kind: "forged" });
  });

  test("and every one if no signature secret is set, also one that is signed with an empty secret", async () => {
    for (const request of [form(good), token(), form(signed({}, { by: "" })), form(fields())]) {
      expect(await vonage(null).readReports(request)).toEqual({ kind: "forged" });
    }
  });

  test("and a replayed one says the same again until it is 5 minutes old", async () => {
    const first = await provider.readReports(form(good));
    for (let round = 0; round < 100; round += 1) expect(await provider.readReports(form(good))).toEqual(first);
    expect(await provider.readReports(form(good, { now: now + 300_000 }))).toEqual(first);
    expect(await provider.readReports(form(good, { now: now + 300_001 }))).toEqual({ kind: "forged" });
  });

  function unsigned(request: ReportRequest): ReportRequest {
    const authorization = request.headers.authorization!.replace(/\.[^.]*$/, ".");
    return { ...request, headers: { ...request.headers, authorization } };
  }
});
