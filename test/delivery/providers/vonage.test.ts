import { describe, expect, test } from "vitest";
import { readProvider } from "../../../src/config/providers/read-provider.js";
import type { VendorDeps } from "../../../src/delivery/http/vendor-api.js";
import { createVonageProvider, type VonageOptions } from "../../../src/delivery/providers/vonage.js";
import { Secret } from "../../../src/lib/secret.js";
import { createAllowed } from "../../../src/outbound/allowed.js";
import { createCarrier } from "../../../src/server/create-provider.js";
import { createAuthority } from "../../support/tls.js";
import { message } from "../fixtures.js";
import { type Answer, type CarrierServer, startAnswering } from "./carrier-server.js";
import { describeCarrier } from "./contract.js";
import { key, part, secret, signatureSecret, startVonageServer, taken, unauthorized } from "./vonage-server.js";

const now = Date.parse("2026-01-05T10:00:00Z");
const reportsUrl = "https://login.example.com/delivery/reports/vonage";
const authority = createAuthority();
const certificate = authority.issue(["127.0.0.1"]);

function vonage(server: { readonly origin: string }, options: Partial<VonageOptions> = {}, deps: Partial<VendorDeps> = {}) {
  return createVonageProvider(
    {
      key,
      secret: new Secret(secret),
      signatureSecret: new Secret(signatureSecret),
      origin: server.origin,
      from: "+14155550100",
      ca: authority.cert,
      ...options,
    },
    {
      name: "vonage",
      reportsUrl,
      clock: () => now,
      limits: { connectTimeoutMs: 5_000, answerTimeoutMs: 500, wholeTimeoutMs: 20_000, connectionsMax: 8 },
      ...deps,
    },
  );
}

describeCarrier("Vonage", async () => {
  // Without TLS: 50 handshakes at once take longer than the time-outs of the contract on a busy machine.
  const server = await startVonageServer();
  return {
    provider: vonage(server, { ca: undefined, insecure: true }),
    received: () => server.received,
    behave: server.behave,
    disappear: server.stop,
    stop: server.stop,
    secrets: [secret, signatureSecret, key],
    givesIds: true,
    // A throttled message is answered by a status, without a time.
    saysHowLong: false,
    speaksHttp: true,
  };
});

async function withServer(run: (server: CarrierServer) => Promise<void>): Promise<void> {
  const server = await startVonageServer(certificate);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function resultOf(answer: Answer) {
  const server = await startAnswering(answer, certificate);
  try {
    return await vonage(server).send(message("sms"));
  } finally {
    await server.stop();
  }
}

const formOf = (server: CarrierServer, index = 0) => new URLSearchParams(server.asked[index]!.body);

describe("an SMS by Vonage", () => {
  test("is one form with sender, text, the time it may wait, our reference and the address of its reports", async () => {
    await withServer(async (server) => {
      const sent = message("sms");
      const result = await vonage(server).send(sent);
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /sms/json"]);
      expect(Object.fromEntries(formOf(server))).toEqual({
        from: "14155550100",
        to: "14155550132",
        text: sent.text,
        type: "text",
        ttl: "300000",
        "client-ref": sent.sendKey,
        "status-report-req": "true",
        callback: reportsUrl,
      });
      expect(result).toEqual({
        kind: "sent",
        detail: "HTTP 200",
        providerMessageId: "0A0000000123ABC1",
        segments: 1,
        price: { amount: "0.0333", currency: "EUR" },
      });
    });
  });

  test("comes from the sender that the message asks for", async () => {
    await withServer(async (server) => {
      for (const senderId of ["SHOP", "+46701234567"]) await vonage(server).send({ ...message("sms"), senderId });
      expect([0, 1].map((index) => formOf(server, index).get("from"))).toEqual(["SHOP", "46701234567"]);
    });
  });

  test.each([
    ["Code 048213 ^{}[]~|€\\", "text"],
    ["Ваш код 048213", "unicode"],
    ["Ihr Code 048213 ✓", "unicode"],
  ])("is unicode only if the GSM alphabet lacks a character: %s", async (text, type) => {
    await withServer(async (server) => {
      await vonage(server).send({ ...message("sms"), text });
      expect(formOf(server).get("type")).toBe(type);
      expect(formOf(server).get("text")).toBe(text);
    });
  });

  test("waits at Vonage from 20 s to 7 days, however long its code is valid", async () => {
    await withServer(async (server) => {
      const sent = message("sms");
      for (const ms of [-1, 19_999, 20_001, 999_999_000]) await vonage(server).send({ ...sent, expiresAt: now + ms });
      expect(server.asked.map(({ body }) => new URLSearchParams(body).get("ttl"))).toEqual([
        "20000",
        "20000",
        "20001",
        "604800000",
      ]);
    });
  });

  test.each<[string, Partial<VonageOptions>, Partial<VendorDeps>]>([
    ["without a signature secret, because they would be refused", { signatureSecret: null }, {}],
    ["at localhost", {}, { reportsUrl: "http://localhost:8080/delivery/reports/vonage" }],
    ["at a loopback address", {}, { reportsUrl: "http://[::1]:8080/delivery/reports/vonage" }],
    [
      "at an address of more than 100 characters",
      {},
      { reportsUrl: `https://${"a".repeat(60)}.example.com/delivery/reports/vonage` },
    ],
  ])("asks for no reports %s", async (_name, options, deps) => {
    await withServer(async (server) => {
      expect((await vonage(server, options, deps).send(message("sms"))).kind).toBe("sent");
      expect(formOf(server).has("callback")).toBe(false);
      expect(formOf(server).has("status-report-req")).toBe(false);
    });
  });

  test("of several parts has their number, the first one's id and the exact sum of their prices", async () => {
    const parts = [part("0"), part("0", { "message-id": "0A2", "message-price": "0.1" }), part("0", { "message-id": "0A3" })];
    expect(await resultOf(taken(parts))).toEqual({
      kind: "sent",
      detail: "HTTP 200",
      providerMessageId: "0A0000000123ABCD1",
      segments: 3,
      price: { amount: "0.1666", currency: "EUR" },
    });
  });

  test.each([[undefined], ["-1"], ["free"], [0.03], ["1e3"]])("has no price if Vonage says %j", async (price) => {
    expect(await resultOf(taken([part("0"), part("0", { "message-price": price })]))).toMatchObject({
      kind: "sent",
      segments: 2,
      price: null,
    });
  });

  test("has no id if Vonage says nonsense as one", async () => {
    expect(await resultOf(taken([part("0", { "message-id": "x\r\ny" })]))).toMatchObject({
      kind: "sent",
      providerMessageId: null,
    });
  });

  test("whose parts were not all taken is unknown", async () => {
    const result = await resultOf(taken([part("0"), part("1")]));
    expect(result).toEqual({
      kind: "unknown",
      detail: "Vonage took 1 of 2 parts (Vonage status 1: too many messages at once)",
    });
  });
});

test("the URL of a setting becomes a provider that sends by Vonage and names the address of its own reports", async () => {
  await withServer(async (server) => {
    const host = server.origin.replace("https://", "");
    const url = `vonage://${key}:${secret}@${host}?from=Example&signature_secret=${signatureSecret}&ca=/ca.pem`;
    const spec = readProvider(url, "sms", { isProduction: true, readText: () => authority.cert });
    const provider = createCarrier(
      { name: "vonage-eu", channel: "sms", spec },
      { issuer: "https://login.example.com", clock: () => now },
    );
    expect(provider).toMatchObject({ name: "vonage-eu", channels: ["sms"] });
    expect((await provider.send(message("sms"))).kind).toBe("sent");
    expect(formOf(server).get("callback")).toBe("https://login.example.com/delivery/reports/vonage-eu");
    await provider.close();
  });
});

describe("nothing in a message adds a destination or a command (F04)", () => {
  test("by its text or reference", async () => {
    const hostile = "x\r\nto: 15005550006\r\n&to=15005550006&to[]=1\u0000\"}'<to>&#60;]]>%26to%3D1";
    await withServer(async (server) => {
      const sent = { ...message("sms"), text: `${hostile} 048213`, sendKey: "a&to=15005550006\r\n" };
      expect((await vonage(server).send(sent)).kind).toBe("sent");
      expect(server.asked).toHaveLength(1);
      const form = formOf(server);
      expect([...form.keys()]).toEqual(["from", "to", "text", "type", "ttl", "client-ref", "status-report-req", "callback"]);
      expect(form.get("to")).toBe("14155550132");
      expect(form.get("text")).toBe(sent.text);
      expect(form.get("client-ref")).toBe(sent.sendKey);
    });
  });

  test.each([
    "+14155550132\r\nto: 1500",
    "+14155550132&to=15005550006",
    "+14155550132,15005550006",
    "14155550132",
    "+0123456789",
    "",
    "ada@example.com",
  ])("and a destination that is no number goes nowhere: %j", async (value) => {
    await withServer(async (server) => {
      const sent = message("sms", { to: { kind: "phone", value } });
      expect((await vonage(server).send(sent)).kind).toBe("permanent");
      expect(server.asked).toHaveLength(0);
    });
  });
});

describe("an answer of Vonage", () => {
  test.each([
    ["1", { kind: "temporary" }],
    ["2", { kind: "unavailable", isMisconfigured: true }],
    ["3", { kind: "permanent", detail: "Vonage status 3: a parameter is not valid, such as the number" }],
    ["4", { kind: "unavailable", isMisconfigured: true, detail: "Vonage status 4: the API key or secret is wrong" }],
    ["5", { kind: "temporary" }],
    ["6", { kind: "permanent" }],
    ["7", { kind: "permanent" }],
    ["8", { kind: "unavailable", isMisconfigured: true }],
    ["9", { kind: "unavailable", isMisconfigured: true, detail: "Vonage status 9: the account has no credit" }],
    ["10", { kind: "temporary" }],
    ["11", { kind: "unavailable", isMisconfigured: true }],
    ["12", { kind: "permanent" }],
    ["14", { kind: "unavailable", isMisconfigured: true }],
    ["15", { kind: "unavailable", refusesSender: true }],
    ["22", { kind: "permanent" }],
    ["23", { kind: "unavailable", isMisconfigured: true }],
    ["29", { kind: "permanent" }],
    ["33", { kind: "permanent" }],
    ["99", { kind: "permanent", detail: "Vonage status 99" }],
  ])("with the status %s is what its number says, without Vonage's words", async (status, expected) => {
    const result = await resultOf(taken([part(status)]));
    expect(result).toMatchObject(expected);
    expect(JSON.stringify(result)).not.toMatch(/14155550132|048213/);
  });

  test.each<[string, Answer, string]>([
    ["no parts", taken([]), "unknown"],
    ["no messages", { status: 200, body: {} }, "unknown"],
    ["a part without a status", { status: 200, body: { messages: [{}] } }, "unknown"],
    ["a status of letters", taken([part("ok")]), "unknown"],
    ["null", { status: 200, body: null }, "unknown"],
    ["HTTP 204", { status: 204, body: "" }, "unknown"],
    ["HTTP 302", { status: 302, body: "" }, "unavailable"],
    ["HTTP 400", { status: 400, body: "<html></html>" }, "unavailable"],
    ["HTTP 404", { status: 404, body: "<html></html>" }, "unavailable"],
    ["HTTP 429", { status: 429, body: "" }, "temporary"],
    ["HTTP 500", { status: 500, body: "" }, "unknown"],
    ["HTTP 503", { status: 503, body: "" }, "unavailable"],
    ["HTTP 401", unauthorized, "unavailable"],
  ])("with %s says nothing about the number", async (_name, answer, kind) => {
    expect((await resultOf(answer)).kind).toBe(kind);
  });
});

describe("the check of Vonage", () => {
  test("reads the balance and sends nothing", async () => {
    await withServer(async (server) => {
      expect(await vonage(server).check()).toBeNull();
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["GET /account/get-balance"]);
      expect(server.received).toEqual([]);
    });
  });

  test("finds a wrong secret, a wrong certificate, a private address, another server and one that is away", async () => {
    await withServer(async (server) => {
      expect(await vonage(server, { secret: new Secret("wrong") }).check()).toContain("refuses the credentials");
      expect(await vonage(server, { ca: createAuthority().cert }).check()).toContain("TLS");
      expect(await vonage(server, {}, { addresses: { allowed: createAllowed([]) } }).check()).toContain(
        "not at a public address",
      );
      const provider = vonage(server);
      await server.stop();
      expect(await provider.check()).toContain("can't be reached");
    });
    const other = await startAnswering({ status: 200, body: "<html></html>" }, certificate);
    expect(await vonage(other).check()).toContain("not Vonage's");
    await other.stop();
  });
});
