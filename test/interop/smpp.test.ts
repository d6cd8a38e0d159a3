import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeliveryReport, Message } from "../../src/delivery/provider.js";
import { createSmppProvider, type SmppOptions } from "../../src/delivery/providers/smpp.js";
import { type MessageCenter, startMessageCenter } from "./support/message-center.js";
import { until } from "./support/until.js";

let center: MessageCenter;
let provider: ReturnType<typeof createSmppProvider>;
const reports: DeliveryReport[] = [];
/** The parts that were sent so far. */
let sent = 0;

function options(change: Partial<SmppOptions> = {}): SmppOptions {
  return {
    host: "127.0.0.1",
    port: center.port,
    secure: false,
    ca: null,
    insecure: false,
    systemId: "latchkey",
    password: { reveal: () => "s3cretpw" },
    systemType: "",
    serviceType: "",
    from: { address: "Latchkey", ton: 5, npi: 0 },
    window: 10,
    perSecond: null,
    validity: "relative",
    receiptId: null,
    ...change,
  };
}

function message(text: string, to = "+14155550132"): Message {
  return {
    challengeId: "challenge-1",
    sendKey: `send-${text}`,
    channel: "sms",
    to: { kind: "phone", value: to },
    code: "048213",
    locale: "en",
    senderId: null,
    senderName: "",
    subject: "",
    text,
    html: "",
    expiresAt: Date.now() + 300_000,
  };
}

beforeAll(async () => {
  center = await startMessageCenter();
  provider = createSmppProvider(options());
  provider.onReports(async (arrived) => void reports.push(...arrived));
});
afterAll(async () => {
  await provider.close();
  await center.stop();
});

describe("smpp.twisted3", () => {
  it("binds the transceiver and decodes a message with its sender, number and request for a receipt", async () => {
    const text = "048213 is your sign-in code.\n\n@example.org #048213";
    expect(await provider.send(message(text))).toMatchObject({ kind: "sent", providerMessageId: "py-1", segments: 1 });
    sent += 1;
    const arrived = await center.arrived(sent);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]).toMatchObject({
      to: "14155550132",
      toTon: "INTERNATIONAL",
      source: "Latchkey",
      sourceTon: "ALPHANUMERIC",
      receipt: "SMSC_DELIVERY_RECEIPT_REQUESTED",
      coding: "SMSC_DEFAULT_ALPHABET",
      text,
      part: null,
    });
    expect(center.binds()).toBe(1);
  });

  it.each([
    [
      "three parts of GSM 03.38, with characters of its extension table",
      `Grüße @ ${"[€] ".repeat(60)}`,
      "SMSC_DEFAULT_ALPHABET",
      3,
    ],
    ["one part of UCS-2", "Ваш код 048213", "UCS2", 1],
    ["two parts of UCS-2", `${"Ваш код 048213. ".repeat(6)}🔑`, "UCS2", 2],
  ])("joins %s", async (_name, text, coding, parts) => {
    expect(await provider.send(message(text))).toMatchObject({ kind: "sent", segments: parts });
    const arrived = (await center.arrived(sent + parts)).slice(sent);
    sent += parts;
    expect(arrived.map((part) => part.coding)).toEqual(Array.from({ length: parts }, () => coding));
    expect(arrived.map(({ text: part }) => part).join("")).toBe(text);
    if (parts > 1) {
      expect(arrived.map(({ part }) => part?.slice(1))).toEqual(arrived.map((_part, index) => [parts, index + 1]));
      expect(new Set(arrived.map(({ part }) => part?.[0])).size).toBe(1);
    }
  });

  it.each([
    ["DELIVRD", "delivered"],
    ["UNDELIV", "undelivered"],
    ["EXPIRED", "expired"],
  ])("sends a receipt %s that becomes a report and is acknowledged", async (stat, status) => {
    const result = await provider.send(message(`048213 for ${stat}`));
    const id = result.kind === "sent" ? (result.providerMessageId ?? "") : "";
    expect(await center.sendReceipt(id, stat)).toBe("ESME_ROK");
    expect(reports.at(-1)).toMatchObject({ providerMessageId: id, status });
  });

  it("refuses a number, and the next message goes on over the same session", async () => {
    expect(await provider.send(message("048213", "+14155550999"))).toEqual({
      kind: "permanent",
      detail: "recipient refused (ESME_RINVDSTADR)",
    });
    expect((await provider.send(message("048213"))).kind).toBe("sent");
    expect(center.binds()).toBe(1);
  });

  it("refuses a wrong password and a second session", async () => {
    const stranger = createSmppProvider(options({ password: { reveal: () => "wrong" } }));
    const result = await stranger.send(message("048213"));
    expect(result).toMatchObject({ kind: "unavailable", isMisconfigured: true });
    expect(result.detail).toContain("ESME_RINVPASWD");
    await stranger.close();
    const second = createSmppProvider(options());
    expect(await second.check()).toContain("ESME_RBINDFAIL");
    await second.close();
  });

  it("is unbound from and bound to again", async () => {
    const before = center.binds();
    await provider.close();
    provider = createSmppProvider(options());
    expect(await provider.check()).toBeNull();
    // The center answers before its line is read here.
    await until("the center has bound again", () => (center.binds() > before ? true : undefined));
  });
});
