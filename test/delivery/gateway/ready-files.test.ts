import { createHash, createHmac } from "node:crypto";
import { SignJWT } from "jose";
import { describe, expect, test } from "vitest";
import type { ReportRequest } from "../../../src/delivery/provider.js";
import { createHttpGatewayProvider } from "../../../src/delivery/providers/http-gateway.js";
import { message } from "../fixtures.js";
import { startCarrier } from "../providers/carrier-server.js";
import { describeCarrier } from "../providers/contract.js";
import { type ReadyName, readyGateway, readyNames, secretOf, shapes } from "./ready.js";

const reportsUrl = "https://id.example.com/delivery/reports/sms-1";
const now = Date.parse("2026-01-05T10:00:00Z");

function provider(name: ReadyName, origin?: string) {
  return createHttpGatewayProvider({
    name,
    gateway: readyGateway(name, origin),
    reportsUrl,
    insecure: origin !== undefined,
    answerTimeoutMs: 2_000,
    clock: () => now,
  });
}

for (const name of readyNames) {
  describeCarrier(`http-gateway ${name}`, async () => {
    const server = await startCarrier(shapes[name]);
    return {
      provider: provider(name, server.origin),
      received: () => server.received,
      behave: server.behave,
      disappear: server.stop,
      stop: server.stop,
      secrets: ["secret of"],
      givesIds: true,
      saysHowLong: true,
      speaksHttp: true,
    };
  });
}

describe("the credentials of a ready file", () => {
  test.each(readyNames)("%s: a check passes with them and sends no message", async (name) => {
    const server = await startCarrier(shapes[name]);
    const gateway = provider(name, server.origin);
    expect(await gateway.check?.()).toBeNull();
    expect([server.received.length, server.asked.length]).toEqual([0, 1]);
    await gateway.close();
    await server.stop();
  });
});

describe("a refused sender", () => {
  test.each([
    ["africas-talking", { status: 201, body: { SMSMessageData: { Message: "InvalidSenderId", Recipients: [] } } }],
    ["messagebird", { status: 422, body: { errors: [{ code: 9, description: "no originator", parameter: "originator" }] } }],
    ["infobip", { status: 200, body: { messages: [{ status: { groupName: "REJECTED", name: "REJECTED_SENDER" } }] } }],
  ] as const)("of %s concerns the message alone", async (name, answer) => {
    const server = await startCarrier({ ...shapes[name], accept: () => answer });
    const gateway = provider(name, server.origin);
    const result = await gateway.send(message("sms"));
    expect(result).toMatchObject({ kind: "unavailable", refusesSender: true });
    expect(result).not.toHaveProperty("isMisconfigured");
    await gateway.close();
    await server.stop();
  });
});

describe("what an accepted message tells", () => {
  test("Africa's Talking names the price, Infobip the segments", async () => {
    for (const [name, expected] of [
      ["africas-talking", { providerMessageId: "ATPid_SampleTxnId1", price: { amount: "0.8000", currency: "KES" } }],
      ["infobip", { segments: 1, price: null }],
    ] as const) {
      const server = await startCarrier(shapes[name]);
      const gateway = provider(name, server.origin);
      expect(await gateway.send(message("sms"))).toMatchObject({ kind: "sent", ...expected });
      await gateway.close();
      await server.stop();
    }
  });

  test("Infobip gets the address of reports with its key, and our reference", async () => {
    const server = await startCarrier(shapes.infobip);
    const gateway = provider("infobip", server.origin);
    await gateway.send(message("sms"));
    expect(JSON.parse(server.asked[0]!.body).messages[0].webhooks).toEqual({
      delivery: { url: `${reportsUrl}?key=secret%20of%20INFOBIP_REPORT_KEY` },
      contentType: "application/json",
      callbackData: "5e4d",
    });
    await gateway.close();
    await server.stop();
  });
});

function request(change: Partial<Omit<ReportRequest, "body">> & { readonly body?: string }): ReportRequest {
  const { body = "", ...rest } = change;
  return { method: "POST", url: reportsUrl, headers: {}, now, ...rest, body: Buffer.from(body) };
}

const keyed = (name: string) => `${reportsUrl}?key=${encodeURIComponent(secretOf(name))}`;

const infobipBody = JSON.stringify({
  results: [
    {
      bulkId: "1",
      messageId: "2250be2d4219",
      to: "14155550132",
      sentAt: "2026-01-05T10:00:00.000+0000",
      doneAt: "2026-01-05T10:00:02.000+0000",
      messageCount: 1,
      callbackData: "5e4d",
      price: { pricePerMessage: 0.01, currency: "EUR" },
      status: { groupId: 3, groupName: "DELIVERED", id: 5, name: "DELIVERED_TO_HANDSET" },
      error: { groupId: 0, groupName: "OK", id: 0, name: "NO_ERROR", permanent: false },
    },
  ],
});

const salesforceBody = JSON.stringify([
  {
    eventCategoryType: "TransactionalSendEvents.SmsNotSent",
    timestampUTC: 1_767_607_200,
    compositeId: "x",
    definitionKey: "latchkey",
    mid: 1,
    eid: 1,
    info: {
      to: "14155550132",
      subscriberKey: "+14155550132",
      messageKey: "5e4d",
      reason: "Mobile Address not found",
      statusCode: "47",
    },
  },
]);

const salesforceSignature = (body: string) =>
  createHmac("sha256", secretOf("SFMC_SIGNATURE_KEY")).update(body).digest("base64");

const messagebirdUrl = `${reportsUrl}?id=e8077d80&reference=5e4d&recipient=14155550132&status=delivery_failed&statusReason=unknown%20subscriber&statusErrorCode=1`;

function messagebirdSignature(url: string, { key = secretOf("MESSAGEBIRD_SIGNING_KEY"), at = now } = {}) {
  return new SignJWT({ url_hash: createHash("sha256").update(url).digest("hex"), jti: "1" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer("MessageBird")
    .setNotBefore(at / 1000)
    .setExpirationTime(at / 1000 + 60)
    .sign(Buffer.from(key));
}

/** The published report of each carrier, and what it means. */
const reports: Readonly<Record<ReadyName, { readonly authentic: () => Promise<ReportRequest>; readonly means: object }>> = {
  beem: {
    authentic: async () =>
      request({
        url: keyed("BEEM_REPORT_KEY"),
        body: JSON.stringify({ dest_addr: "14155550132", request_id: 35_918_916, recipient_id: 1, status: "delivered" }),
      }),
    means: { providerMessageId: "35918916", status: "delivered", cause: "" },
  },
  infobip: {
    authentic: async () => request({ url: keyed("INFOBIP_REPORT_KEY"), body: infobipBody }),
    means: {
      providerMessageId: "2250be2d4219",
      sendKey: "5e4d",
      status: "delivered",
      cause: "",
      segments: 1,
      price: { amount: "0.01", currency: "EUR" },
    },
  },
  messagebird: {
    authentic: async () =>
      request({
        method: "GET",
        url: messagebirdUrl,
        headers: { "messagebird-signature-jwt": await messagebirdSignature(messagebirdUrl) },
      }),
    means: { providerMessageId: "e8077d80", sendKey: "5e4d", status: "undelivered", cause: "unknown subscriber" },
  },
  "africas-talking": {
    authentic: async () =>
      request({
        url: keyed("AFRICASTALKING_REPORT_KEY"),
        body: "id=ATPid_SampleTxnId1&status=Failed&phoneNumber=%2B14155550132&networkCode=63902&failureReason=UserIsInactive&retryCount=0",
      }),
    means: { providerMessageId: "ATPid_SampleTxnId1", status: "undelivered", cause: "UserIsInactive" },
  },
  "salesforce-marketing-cloud": {
    authentic: async () =>
      request({ body: salesforceBody, headers: { "x-sfmc-ens-signature": salesforceSignature(salesforceBody) } }),
    means: { sendKey: "5e4d", status: "failed", cause: "Mobile Address not found" },
  },
};

describe("the reports of a ready file", () => {
  test.each(readyNames)("%s: its published report is read", async (name) => {
    const read = await provider(name).readReports!(await reports[name].authentic());
    expect(read.kind === "reports" && read.reports).toHaveLength(1);
    expect(read).toMatchObject({ reports: [reports[name].means] });
  });

  test.each(readyNames)("%s: a report without its proof, or with that of another report, is forged", async (name) => {
    const { readReports } = provider(name);
    const authentic = await reports[name].authentic();
    const other =
      name === "messagebird" ? { url: `${authentic.url}&x=1` } : { body: Buffer.concat([authentic.body, Buffer.from(" ")]) };
    const isSigned = name === "messagebird" || name === "salesforce-marketing-cloud";
    const forgeries: ReportRequest[] = [
      { ...authentic, headers: {}, url: isSigned ? authentic.url : reportsUrl },
      isSigned ? { ...authentic, ...other } : { ...authentic, url: `${authentic.url}x` },
      isSigned
        ? {
            ...authentic,
            headers: Object.fromEntries(Object.entries(authentic.headers).map(([key, value]) => [key, `${value}x`])),
          }
        : { ...authentic, url: `${authentic.url}&key=other` },
    ];
    for (const forgery of forgeries) expect(await readReports!(forgery)).toEqual({ kind: "forged" });
  });

  test("MessageBird's signature ends, has one key and is no unsigned token", async () => {
    const { readReports } = provider("messagebird");
    const authentic = await reports.messagebird.authentic();
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${authentic.headers["messagebird-signature-jwt"]!.split(".")[1]}.`;
    for (const jwt of [
      await messagebirdSignature(messagebirdUrl, { at: now - 600_000 }),
      await messagebirdSignature(messagebirdUrl, { at: now + 600_000 }),
      await messagebirdSignature(messagebirdUrl, { key: "another key of thirty-two bytes!" }),
      unsigned,
    ]) {
      const forged = { ...authentic, headers: { "messagebird-signature-jwt": jwt } };
      expect(await readReports!(forged)).toEqual({ kind: "forged" });
    }
  });
});
