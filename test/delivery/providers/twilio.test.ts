import { describe, expect, test } from "vitest";
import type { VendorDeps } from "../../../src/delivery/http/vendor-api.js";
import { createTwilioProvider, type TwilioOptions } from "../../../src/delivery/providers/twilio.js";
import { Secret } from "../../../src/lib/secret.js";
import { createAllowed } from "../../../src/outbound/allowed.js";
import { createAuthority } from "../../support/tls.js";
import { code, message } from "../fixtures.js";
import { type CarrierServer, startAnswering } from "./carrier-server.js";
import { describeCarrier } from "./contract.js";
import { account, error, startTwilioServer, token } from "./twilio-server.js";

const now = Date.parse("2026-01-05T10:00:00Z");
const reportsUrl = "https://login.example.com/delivery/reports/twilio";
const authority = createAuthority();
const certificate = authority.issue(["127.0.0.1"]);
const senders = { sms: "+14155550100", whatsapp: "whatsapp:+14155550100", voice: "+14155550100" };
const template = { contentSid: "HX0123456789abcdef0123456789abcdef", variable: "1" };

function twilio(server: { readonly origin: string }, options: Partial<TwilioOptions> = {}, deps: Partial<VendorDeps> = {}) {
  const channel = options.channel ?? "sms";
  return createTwilioProvider(
    {
      channel,
      account,
      token: new Secret(token),
      origin: server.origin,
      sender: { from: senders[channel] },
      template: channel === "whatsapp" ? template : null,
      ca: authority.cert,
      ...options,
    },
    {
      name: "twilio",
      reportsUrl,
      clock: () => now,
      limits: { connectTimeoutMs: 5_000, answerTimeoutMs: 500, wholeTimeoutMs: 20_000, connectionsMax: 8 },
      ...deps,
    },
  );
}

for (const channel of ["sms", "whatsapp", "voice"] as const) {
  describeCarrier(`Twilio ${channel}`, async () => {
    // Without TLS: 50 handshakes at once take longer than the time-outs of the contract on a busy machine.
    const server = await startTwilioServer();
    return {
      provider: twilio(server, { channel, ca: undefined, insecure: true }),
      received: () => server.received,
      behave: server.behave,
      disappear: server.stop,
      stop: server.stop,
      secrets: [token, account],
      givesIds: true,
      saysHowLong: true,
      speaksHttp: true,
    };
  });
}

async function withServer(run: (server: CarrierServer) => Promise<void>): Promise<void> {
  const server = await startTwilioServer(certificate);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

const formOf = (server: CarrierServer) => new URLSearchParams(server.asked[0]!.body);

describe("an SMS by Twilio", () => {
  test("is one form with sender, text, the time it may wait and the address of its reports", async () => {
    await withServer(async (server) => {
      const sent = message("sms");
      const result = await twilio(server).send(sent);
      expect(server.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
        `POST /2010-04-01/Accounts/${account}/Messages.json`,
      ]);
      expect(Object.fromEntries(formOf(server))).toEqual({
        To: "+14155550132",
        From: "+14155550100",
        Body: sent.text,
        ValidityPeriod: "300",
        StatusCallback: `${reportsUrl}?ref=${sent.sendKey}`,
      });
      expect(result).toMatchObject({ kind: "sent", segments: 1, price: null });
    });
  });

  test("goes out by a messaging service, which knows no segments yet", async () => {
    await withServer(async (server) => {
      const sender = { messagingService: "MG0123456789abcdef0123456789abcdef" };
      expect(await twilio(server, { sender }).send(message("sms"))).toMatchObject({ kind: "sent", segments: null });
      expect(formOf(server).get("MessagingServiceSid")).toBe(sender.messagingService);
      expect(formOf(server).has("From")).toBe(false);
    });
  });

  test("comes from the sender that the message asks for, also instead of a messaging service", async () => {
    await withServer(async (server) => {
      const sender = { messagingService: "MG0123456789abcdef0123456789abcdef" };
      await twilio(server, { sender }).send({ ...message("sms"), senderId: "SHOP" });
      expect(formOf(server).get("From")).toBe("SHOP");
      expect(formOf(server).has("MessagingServiceSid")).toBe(false);
    });
  });

  test("waits at Twilio from 1 s to 10 h, however long its code is valid", async () => {
    await withServer(async (server) => {
      const sent = message("sms");
      await twilio(server).send({ ...sent, expiresAt: now - 1 });
      await twilio(server).send({ ...sent, expiresAt: now + 999_999_000 });
      const periods = server.asked.map(({ body }) => new URLSearchParams(body).get("ValidityPeriod"));
      expect(periods).toEqual(["1", "36000"]);
    });
  });

  test("names no address of reports that Twilio could not reach", async () => {
    await withServer(async (server) => {
      for (const host of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"]) {
        const deps = { reportsUrl: `http://${host}/delivery/reports/twilio` };
        expect((await twilio(server, {}, deps).send(message("sms"))).kind).toBe("sent");
      }
      for (const { body } of server.asked) expect(new URLSearchParams(body).has("StatusCallback")).toBe(false);
    });
  });

  test("has the price that Twilio names", async () => {
    const body = JSON.stringify({
      sid: `SM${"0".repeat(32)}`,
      status: "sent",
      num_segments: "2",
      price: "-0.01500",
      price_unit: "usd",
    });
    const answer = { status: 201, body };
    const server = await startAnswering(answer, certificate);
    const result = await twilio(server).send(message("sms"));
    expect(result).toMatchObject({ kind: "sent", segments: 2, price: { amount: "0.01500", currency: "USD" } });
    await server.stop();
  });
});

describe("a WhatsApp message by Twilio", () => {
  test("is a template with the code in its placeholder", async () => {
    await withServer(async (server) => {
      await twilio(server, { channel: "whatsapp", template: { ...template, variable: "code" } }).send(message("whatsapp"));
      const form = formOf(server);
      expect(form.get("To")).toBe("whatsapp:+14155550132");
      expect(form.get("From")).toBe("whatsapp:+14155550100");
      expect(form.get("ContentSid")).toBe(template.contentSid);
      expect(JSON.parse(form.get("ContentVariables") ?? "")).toEqual({ code });
      expect(form.has("Body")).toBe(false);
    });
  });

  test("is a plain text without a template, for the sandbox", async () => {
    await withServer(async (server) => {
      await twilio(server, { channel: "whatsapp", template: null }).send(message("whatsapp"));
      expect(formOf(server).get("Body")).toContain(code);
      expect(formOf(server).has("ContentSid")).toBe(false);
    });
  });
});

describe("a call by Twilio", () => {
  test("says the digits apart, twice, in the language of the message", async () => {
    await withServer(async (server) => {
      const sent = { ...message("voice"), locale: "de" };
      await twilio(server, { channel: "voice" }).send(sent);
      expect(server.asked[0]?.path).toBe(`/2010-04-01/Accounts/${account}/Calls.json`);
      const twiml = formOf(server).get("Twiml") ?? "";
      const say = `<Say language="de-DE">${sent.text.replaceAll("'", "&#39;")}</Say>`;
      expect(twiml).toBe(`<?xml version="1.0" encoding="UTF-8"?><Response><Pause length="1"/>${say}</Response>`);
      expect(twiml.split("0, 4, 8, 2, 1, 3")).toHaveLength(3);
      expect(formOf(server).get("TimeLimit")).toBe("120");
      expect(formOf(server).has("ValidityPeriod")).toBe(false);
    });
  });

  test.each([
    ["en", "en-US"],
    ["en-GB", "en-GB"],
    ["pt_br", "pt-BR"],
    ["fr-BE", "fr-FR"],
    ["pt", "pt-BR"],
    ["sw", "en-US"],
    ["tlh", "en-US"],
    ["constructor", "en-US"],
  ])("in %s is read by the voice of %s", async (locale, language) => {
    await withServer(async (server) => {
      await twilio(server, { channel: "voice" }).send({ ...message("voice"), locale });
      expect(formOf(server).get("Twiml")).toContain(`<Say language="${language}">`);
    });
  });

  test.each([
    ["ar", 'language="arb" voice="Polly.Zeina"'],
    ["hi", 'language="hi-IN" voice="Polly.Aditi"'],
    ["tr-TR", 'language="tr-TR" voice="Polly.Filiz"'],
  ])("in %s names a voice, because no basic one speaks it", async (locale, attributes) => {
    await withServer(async (server) => {
      await twilio(server, { channel: "voice" }).send({ ...message("voice", { locale }), locale });
      expect(formOf(server).get("Twiml")).toContain(`<Say ${attributes}>`);
    });
  });
});

describe("nothing in a message adds a destination or a command (F04)", () => {
  const hostile = "x\r\nTo: +15005550006\r\n&To=+15005550006&to=%2B1500\u0000\"}'</Say><Dial>+15005550006</Dial>&#60;&lt;]]>";

  for (const channel of ["sms", "whatsapp", "voice"] as const) {
    test(`by ${channel}`, async () => {
      await withServer(async (server) => {
        const sent = {
          ...message(channel),
          text: `${hostile} ${code}`,
          locale: 'en"/><Dial>',
          sendKey: "a&To=+15005550006\r\n",
        };
        expect((await twilio(server, { channel, template: channel === "whatsapp" ? template : null }).send(sent)).kind).toBe(
          "sent",
        );
        expect(server.asked).toHaveLength(1);
        const form = formOf(server);
        expect(form.getAll("To").map((to) => to.replace("whatsapp:", ""))).toEqual(["+14155550132"]);
        expect(form.has("to")).toBe(false);
        expect(new URL(form.get("StatusCallback") ?? "").searchParams.get("ref")).toBe("a&To=+15005550006\r\n");
        if (channel === "sms") expect(form.get("Body")).toBe(sent.text);
        if (channel === "voice") {
          const tags = [...(form.get("Twiml") ?? "").matchAll(/<(\/?\w+)/g)].map(([, tag]) => tag);
          expect(tags).toEqual(["Response", "Pause", "Say", "/Say", "/Response"]);
          expect(form.get("Twiml")).not.toMatch(/\p{Cc}/u);
        }
      });
    });
  }

  test.each([
    "+14155550132\r\nTo: +1500",
    "+14155550132&To=+15005550006",
    "whatsapp:+14155550132",
    "4155550132",
    "+0123456789",
    "",
    "ada@example.com",
  ])("and a destination that is no number goes nowhere: %j", async (value) => {
    await withServer(async (server) => {
      const sent = message("sms", { to: { kind: "phone", value } });
      expect((await twilio(server).send(sent)).kind).toBe("permanent");
      expect(server.asked).toHaveLength(0);
    });
  });
});

describe("an error of Twilio", () => {
  test.each([
    [400, 21211, { kind: "permanent", detail: "Twilio error 21211: the number is not a valid one" }],
    [400, 21614, { kind: "permanent" }],
    [400, 21610, { kind: "permanent" }],
    [400, 21408, { kind: "permanent", detail: expect.stringContaining("no permission to send to this country") }],
    [403, 21215, { kind: "permanent", detail: expect.stringContaining("no permission to call this country") }],
    [401, 20003, { kind: "unavailable", isMisconfigured: true }],
    [404, 20404, { kind: "unavailable", isMisconfigured: true }],
    [400, 21606, { kind: "unavailable", refusesSender: true }],
    [400, 21659, { kind: "unavailable", refusesSender: true }],
    [400, 21660, { kind: "unavailable", refusesSender: true }],
    [429, 20429, { kind: "temporary" }],
    [400, 14107, { kind: "temporary" }],
    [400, 63018, { kind: "temporary" }],
    [400, 63016, { kind: "unavailable", refusesSender: true }],
    [400, 63024, { kind: "permanent" }],
    [400, 29999, { kind: "permanent", detail: "Twilio error 29999" }],
    [500, 20500, { kind: "unknown" }],
    [503, 20503, { kind: "unavailable" }],
  ])("HTTP %i with code %i is what its number says, without Twilio's words", async (status, number, expected) => {
    const answer = error(status, number);
    const server = await startAnswering(answer, certificate);
    const result = await twilio(server).send(message("sms"));
    expect(result).toMatchObject(expected);
    expect(JSON.stringify(result)).not.toMatch(/14155550132|048213/);
    await server.stop();
  });

  test.each([
    [404, "unavailable"],
    [400, "unavailable"],
    [403, "unavailable"],
    [502, "unknown"],
    [302, "unavailable"],
    [204, "unknown"],
  ])("HTTP %i that is not Twilio's says nothing about the number", async (status, kind) => {
    const answer = { status, body: status === 204 ? "" : "<html></html>" };
    const server = await startAnswering(answer, certificate);
    expect((await twilio(server).send(message("sms"))).kind).toBe(kind);
    await server.stop();
  });

  test("in a message that Twilio took and gave up at once counts", async () => {
    const body = { sid: `SM${"0".repeat(32)}`, status: "failed", error_code: 21408 };
    const answer = { status: 201, body };
    const server = await startAnswering(answer, certificate);
    expect(await twilio(server).send(message("sms"))).toMatchObject({ kind: "permanent" });
    await server.stop();
  });
});

describe("the check of Twilio", () => {
  test("finds an active account and sends nothing", async () => {
    await withServer(async (server) => {
      expect(await twilio(server).check()).toBeNull();
      expect(server.asked.map(({ method }) => method)).toEqual(["GET"]);
      expect(server.received).toEqual([]);
    });
  });

  test("finds a wrong token, a wrong certificate, a private address and a server that is away", async () => {
    await withServer(async (server) => {
      expect(await twilio(server, { token: new Secret("wrong") }).check()).toContain("the account or its token is wrong");
      expect(await twilio(server, { ca: createAuthority().cert }).check()).toContain("TLS");
      expect(await twilio(server, {}, { addresses: { allowed: createAllowed([]) } }).check()).toContain(
        "not at a public address",
      );
      const provider = twilio(server);
      await server.stop();
      expect(await provider.check()).toContain("can't be reached");
    });
  });
});
