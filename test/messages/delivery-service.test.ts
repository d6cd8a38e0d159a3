import type { Client } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeliveryResult, Provider } from "../../src/delivery/provider.js";
import { Channel, Purpose } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { MessageStatus } from "../../src/gen/latchkey/v1/message_pb.js";
import type { Scope } from "../../src/model/scope.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused } from "../support/calls.js";
import { addApp, addClient, authWith, connectClient, type MadeClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";

const never = "00000000-0000-4000-8000-000000000000";

describe.each(testEngines())("DeliveryService on $engine", ({ database }) => {
  let on: TestApp;
  let backend: MadeClient;
  let messages: Client<typeof DeliveryService>;
  let foreign: Client<typeof DeliveryService>;
  let operator: Client<typeof DeliveryService>;
  let reader: Client<typeof DeliveryService>;
  let sender: Client<typeof DeliveryService>;
  const codes: string[] = [];

  const asClient = async (clientId: string, scopes: readonly Scope[], appId = "default") => {
    const client = await addClient(on, { clientId, scopes, appId });
    return { client, messages: connectClient(DeliveryService, on.app, { authorization: client.basic }) };
  };

  beforeAll(async () => {
    // It keeps every message waiting, so that all of them stay in the outbox.
    const busy: DeliveryResult = { kind: "temporary", detail: "busy", retryAfterMs: 60_000 };
    const carrier: Provider = {
      name: "slow",
      channels: ["email", "sms", "voice"],
      async send({ code }) {
        codes.push(code);
        return busy;
      },
      close: async () => {},
    };
    on = await startTestApp(await database(), { providers: [carrier] });
    ({ client: backend, messages } = await asClient("backend", ["otp:send", "messages:read", "messages:admin"]));
    await addApp(on, "shop");
    ({ messages: foreign } = await asClient("of-shop", ["messages:read", "messages:admin"], "shop"));
    ({ messages: operator } = await asClient("of-operator", ["messages:read", "messages:admin", "operator"], "shop"));
    ({ messages: reader } = await asClient("reader", ["messages:read"]));
    ({ messages: sender } = await asClient("sender", ["messages:admin"]));
  });
  afterAll(() => on.stop());

  const send = async (email: string) =>
    (await authWith(on, backend).sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true }))
      .challenge!;
  const listed = async (email: string) =>
    (await messages.listMessages({ recipient: { case: "email", value: email } })).messages;

  it("shows a message by its contact and by its id, without the code and the whole contact", async () => {
    const { challengeId } = await send("ada@example.com");
    const [found, ...others] = await listed(" Ada@Example.com");
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      appId: "default",
      challengeId,
      purpose: Purpose.LOGIN,
      channel: Channel.EMAIL,
      maskedDestination: "a***@example.com",
      status: MessageStatus.QUEUED,
    });
    expect([found!.sentAt, found!.deliveredAt]).toEqual([undefined, undefined]);
    const { message } = await messages.getMessage({ messageId: found!.messageId });
    expect(message?.challengeId).toBe(challengeId);
    await eventually("the try", async () => (codes.length > 0 ? true : undefined));
    const shown = JSON.stringify(message, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    for (const secret of [codes[0]!, "ada@example.com"]) expect(shown).not.toContain(secret);
  });

  it("lists newest first, page by page, with a token for the same client and filters alone", async () => {
    for (const name of ["p1", "p2", "p3"]) await send(`${name}@example.com`);
    const first = await messages.listMessages({ pageSize: 2 });
    expect(first.messages).toHaveLength(2);
    const second = await messages.listMessages({ pageSize: 2, pageToken: first.nextPageToken });
    const ids = [...first.messages, ...second.messages].map(({ messageId }) => messageId);
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => Number(b - a)));
    const pageToken = first.nextPageToken;
    const recipient = { case: "userId", value: never } as const;
    for (const [client, request] of [
      [messages, { pageToken, recipient }],
      [operator, { appId: "default", pageToken }],
      [messages, { pageToken: `${pageToken.startsWith("A") ? "B" : "A"}${pageToken.slice(1)}` }],
    ] as const) {
      expect((await refused(client.listMessages(request))).reason).toBe("REQUEST_INVALID");
    }
  });

  it("filters by status, carrier, user and time", async () => {
    const { challengeId } = await send("filtered@example.com");
    const recipient = { case: "email", value: "filtered@example.com" } as const;
    const now = BigInt(Math.floor(on.clock() / 1_000));
    const count = async (filter: object) => (await messages.listMessages({ recipient, ...filter })).messages.length;
    expect((await messages.listMessages({ recipient, status: MessageStatus.QUEUED })).messages[0]?.challengeId).toBe(
      challengeId,
    );
    expect(await count({ status: MessageStatus.DELIVERED })).toBe(0);
    expect(await count({ provider: "another" })).toBe(0);
    expect(await count({ queuedFrom: { seconds: now - 1n }, queuedTo: { seconds: now + 1n } })).toBe(1);
    expect(await count({ queuedFrom: { seconds: now + 1n } })).toBe(0);
    expect((await messages.listMessages({ recipient: { case: "userId", value: never } })).messages).toEqual([]);
  });

  it("sends the code of a message again by its own rules: once the wait is over, as one more send of the challenge", async () => {
    const { challengeId, sendsLeft } = await send("again@example.com");
    const [message] = await listed("again@example.com");
    const idempotencyKey = "0123456789abcdef";
    on.clock.advance(61_000);
    const { challenge } = await messages.retryMessage({ messageId: message!.messageId, idempotencyKey });
    expect(challenge).toMatchObject({ challengeId, sendsLeft: sendsLeft - 1 });
    await messages.retryMessage({ messageId: message!.messageId, idempotencyKey });
    expect(await listed("again@example.com")).toHaveLength(2);
    expect((await refused(messages.retryMessage({ messageId: message!.messageId }))).reason).toBe("TOO_MANY_REQUESTS");
    on.clock.advance(300_000);
    expect((await refused(messages.retryMessage({ messageId: message!.messageId }))).reason).toBe("CODE_INVALID");
  });

  it("hides the messages of other apps from all but operators, and sends none of them again", async () => {
    await send("hidden@example.com");
    const [message] = await listed("hidden@example.com");
    const { messageId } = message!;
    const recipient = { case: "email", value: "hidden@example.com" } as const;
    expect((await foreign.listMessages({ recipient })).messages).toEqual([]);
    on.clock.advance(61_000);
    expect((await refused(foreign.getMessage({ messageId }))).reason).toBe("MESSAGE_NOT_FOUND");
    expect((await refused(foreign.retryMessage({ messageId }))).reason).toBe("MESSAGE_NOT_FOUND");
    expect((await refused(foreign.listMessages({ appId: "default" }))).reason).toBe("SCOPE_MISSING");
    expect((await refused(foreign.getDeliveryStats({ appId: "default" }))).reason).toBe("SCOPE_MISSING");
    expect(await listed("hidden@example.com")).toHaveLength(1);
    expect((await operator.getMessage({ appId: "default", messageId })).message?.messageId).toBe(messageId);
    expect((await refused(operator.getMessage({ appId: "nowhere", messageId }))).reason).toBe("APP_NOT_FOUND");
  });

  it("needs messages:read to look and messages:admin to send again", async () => {
    expect((await refused(reader.retryMessage({ messageId: 1n }))).reason).toBe("SCOPE_MISSING");
    expect((await refused(sender.getMessage({ messageId: 1n }))).reason).toBe("SCOPE_MISSING");
    expect((await refused(reader.getMessage({ messageId: 999_999n }))).reason).toBe("MESSAGE_NOT_FOUND");
  });

  it("sums up at most 31 days", async () => {
    const now = BigInt(Math.floor(on.clock() / 1_000));
    const day = 86_400n;
    expect((await messages.getDeliveryStats({ from: { seconds: now - 31n * day }, to: { seconds: now } })).stats).toBeDefined();
    for (const [from, to] of [
      [now - 31n * day - 1n, now],
      [now, now],
      [now + 1n, now],
    ] as const) {
      const call = messages.getDeliveryStats({ from: { seconds: from }, to: { seconds: to } });
      expect((await refused(call)).reason).toBe("REQUEST_INVALID");
    }
  });
});
