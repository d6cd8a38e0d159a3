import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { readGateway } from "../../../src/config/providers/gateway/read-gateway.js";
import type { ReportRequest } from "../../../src/delivery/provider.js";
import { createHttpGatewayProvider } from "../../../src/delivery/providers/http-gateway.js";
import { message } from "../fixtures.js";
import { startAnswering } from "../providers/carrier-server.js";

const reportsUrl = "https://id.example.com/delivery/reports/sms-1";
const key = "6b657920666f7220616c6c20666f726d6174730a";
const otherKey = "another key of at least sixteen bytes";

const context = {
  isProduction: false,
  allowsHttp: true,
  readText: () => "",
  readEnv: (name: string) => ({ KEY: key, VALUE: "a value of 23 characters" })[name],
};

const sends = { json: { to: "{to}", text: "{text}" } };

function gateway(given: { readonly request?: object; readonly reports?: object; readonly url?: string }) {
  const url = given.url ?? "https://api.example.com/send";
  const reports = { message_id: "/id", status: "/status", statuses: { ok: "delivered" }, ...given.reports };
  return createHttpGatewayProvider({
    name: "sms-1",
    gateway: readGateway(
      JSON.stringify({
        channels: ["sms"],
        secrets: { key: { env: "KEY" }, value: { env: "VALUE" } },
        request: { url, body: sends, ...given.request },
        success: {},
        ...(given.reports === undefined ? {} : { reports }),
      }),
      context,
    ),
    reportsUrl,
    insecure: true,
  });
}

/** The bytes that the key stands for. */
const keyBytes = {
  text: Buffer.from(key),
  hex: Buffer.from(key, "hex"),
  base64: Buffer.from(key, "base64"),
};
const formats = ["text", "hex", "base64"] as const;
const encodings = ["hex", "base64"] as const;
const mac = (body: string, bytes: string | Buffer, encoding: "hex" | "base64") =>
  createHmac("sha256", bytes).update(body).digest(encoding);

describe("the signature of a request", () => {
  const bodies = [
    ["json", sends],
    ["form", { form: { to: "{to}", text: "{text}" } }],
    ["text", { text: "{to} {text}", content_type: "text/plain" }],
  ] as const;

  test.each(bodies)("covers the body byte by byte: %s", async (_name, body) => {
    const server = await startAnswering({ status: 200, body: {} });
    const signed = formats.flatMap((format) => encodings.map((encoding) => ({ format, encoding })));
    for (const { format, encoding } of signed) {
      const signature = { header: "X-Signature", prefix: "sha256=", encoding, key: "{secrets.key}", key_format: format };
      const provider = gateway({ request: { body, signature }, url: `${server.origin}/send` });
      expect((await provider.send({ ...message("sms"), text: "Zoë’s code & 東京 🔑" })).kind).toBe("sent");
      await provider.close();
      const asked = server.asked.at(-1)!;
      expect(asked.headers["x-signature"]).toBe(`sha256=${mac(asked.body, keyBytes[format], encoding)}`);
    }
    expect(server.asked).toHaveLength(signed.length);
    await server.stop();
  });

  test("is that of RFC 4231 for its second test case", async () => {
    const server = await startAnswering({ status: 200, body: {} });
    const signature = { header: "X-Signature", encoding: "hex", key: "Jefe" };
    const body = { text: "{text}", content_type: "text/plain" };
    const headers = { "X-To": "{to}" };
    const provider = gateway({ request: { headers, body, signature }, url: `${server.origin}/send` });
    await provider.send({ ...message("sms"), text: "what do ya want for nothing?" });
    const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    expect(server.asked[0]!.headers["x-signature"]).toBe(expected);
    await provider.close();
    await server.stop();
  });
});

const body = '{"id":"m1","status":"ok"}';
const basic = (credentials: string) => `Basic ${Buffer.from(credentials).toString("base64")}`;

function report(headers: Readonly<Record<string, string>>, change: Partial<ReportRequest> = {}): ReportRequest {
  const now = Date.parse("2026-01-05T10:00:00Z");
  return { method: "POST", url: reportsUrl, now, body: Buffer.from(body), ...change, headers };
}

const hmac = (encoding: "hex" | "base64", keyFormat: (typeof formats)[number] = "text") => ({
  type: "hmac",
  header: "X-Signature",
  prefix: "v1=",
  encoding,
  key: "{secrets.key}",
  key_format: keyFormat,
});
const signedBy = (signature: string) => ({ "x-signature": signature });
const right = mac(body, key, "hex");

interface Case {
  readonly authentication: object;
  readonly authentic: readonly Readonly<Record<string, string>>[];
  readonly forged: readonly Readonly<Record<string, string>>[];
}

const cases: Readonly<Record<string, Case>> = {
  "hmac in hex": {
    authentication: hmac("hex"),
    authentic: [signedBy(`v1=${right}`)],
    forged: [
      {},
      signedBy(""),
      signedBy("v1="),
      signedBy(right),
      signedBy(`v2=${right}`),
      signedBy(`v1=${right.toUpperCase()}`),
      signedBy(`v1=${right}, v1=${right}`),
      signedBy(`v1=${right.slice(0, -1)}`),
      signedBy(`v1=${mac(body, key, "base64")}`),
      signedBy(`v1=${mac(body, otherKey, "hex")}`),
      signedBy(`v1=${mac(body, "", "hex")}`),
      signedBy(`v1=${mac(JSON.stringify({ status: "ok", id: "m1" }), key, "hex")}`),
      { "x-other": `v1=${right}` },
    ],
  },
  "hmac in base64 with a key in hex": {
    authentication: hmac("base64", "hex"),
    authentic: [signedBy(`v1=${mac(body, keyBytes.hex, "base64")}`)],
    forged: [{}, signedBy(`v1=${mac(body, keyBytes.text, "base64")}`), signedBy(`v1=${mac(body, keyBytes.hex, "hex")}`)],
  },
  "hmac with a key in base64": {
    authentication: hmac("hex", "base64"),
    authentic: [signedBy(`v1=${mac(body, keyBytes.base64, "hex")}`)],
    forged: [{}, signedBy(`v1=${mac(body, keyBytes.text, "hex")}`)],
  },
  header: {
    authentication: { type: "header", header: "X-Key", value: "Key {secrets.value}" },
    authentic: [{ "x-key": "Key a value of 23 characters" }],
    forged: [
      {},
      { "x-key": "" },
      { "x-key": "a value of 23 characters" },
      { "x-key": "key a value of 23 characters" },
      { "x-key": "Key a value of 23 characters, Key a value of 23 characters" },
      { "x-key": "Key {secrets.value}" },
      { authorization: "Key a value of 23 characters" },
    ],
  },
  basic: {
    authentication: { type: "basic", user: "carrier", password: "{secrets.value}" },
    // The scheme is written in either case (RFC 9110 §11.1).
    authentic: [
      { authorization: basic("carrier:a value of 23 characters") },
      { authorization: basic("carrier:a value of 23 characters").replace("Basic", "basic") },
    ],
    forged: [
      {},
      { authorization: "" },
      { authorization: "Basic" },
      { authorization: "Basic " },
      { authorization: basic("carrier:") },
      { authorization: basic(":a value of 23 characters") },
      { authorization: basic("Carrier:a value of 23 characters") },
      { authorization: basic("carrier:another value, as long!") },
      { authorization: "Basic carrier:a value of 23 characters" },
      { authorization: basic("carrier:a value of 23 characters").replace("Basic", "Bearer") },
    ],
  },
};

describe.each(Object.entries(cases))("a report that is proven by %s", (_name, { authentication, authentic, forged }) => {
  const { readReports } = gateway({ reports: { authentication } });

  test("is read, and repeated it says the same", async () => {
    const delivered = { providerMessageId: "m1", status: "delivered" };
    for (const headers of [...authentic, ...authentic]) {
      expect(await readReports!(report(headers))).toMatchObject({ kind: "reports", reports: [delivered] });
    }
  });

  test("is forged without the right proof", async () => {
    for (const headers of forged) {
      expect(await readReports!(report(headers)), JSON.stringify(headers)).toEqual({ kind: "forged" });
    }
  });

  test("is not even parsed before it is proven", async () => {
    const nonsense = { body: Buffer.from("{nonsense") };
    expect(await readReports!(report({}, nonsense))).toEqual({ kind: "forged" });
  });
});

test("a signature counts for its body alone, not for one that means the same", async () => {
  const { readReports } = gateway({ reports: { authentication: hmac("hex") } });
  const headers = signedBy(`v1=${right}`);
  for (const other of [`${body} `, body.replace("m1", "m2"), '{"id":"m1","status":"\\u006fk"}', ""]) {
    expect(await readReports!(report(headers, { body: Buffer.from(other) }))).toEqual({ kind: "forged" });
  }
});
