import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import type { Provider } from "../../src/delivery/provider.js";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import { createFakeProvider, type FakeProvider } from "../delivery/fixtures.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused } from "../support/calls.js";
import { connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
const germany = "+4915112345678";
const sweden = "+46701740605";

describe.each(testEngines())("routing on $engine", ({ database }) => {
  let on: TestApp;
  let first: FakeProvider;
  let second: FakeProvider;
  beforeEach(async () => {
    [first, second] = [createFakeProvider("first", ["sms"]), createFakeProvider("second", ["sms"])];
    const providers: readonly Provider[] = [first, second];
    on = await startTestApp(await database(), { providers, developmentClients: [admin] });
  });
  afterEach(() => on.stop());

  const apps = () => connectClient(AppService, on.app, { authorization });
  const listed = async () =>
    (await connectClient(DeliveryService, on.app, { authorization }).listProviders({ appId: "default" })).providers;

  /** Asks for a code from another address each time. Returns the carrier that took it, and its sender. */
  async function sendTo(phone: string, address = "192.0.2.1") {
    const taken = () => [first, second].flatMap(({ name, taken: messages }) => messages.map((message) => ({ name, message })));
    const before = new Set(taken().map(({ message }) => message));
    const { challenge } = await on
      .authFrom(address)
      .sendOtp({ identifier: { case: "phone", value: phone }, channel: Channel.SMS, createUserIfMissing: true });
    const { name, message } = await eventually("the message", async () => taken().find((one) => !before.has(one.message)));
    return { carrier: name, sender: message.senderId, challengeId: challenge!.challengeId };
  }

  it("UpdateRouting chooses carrier and sender by country, acts before its answer, and the app shows it", async () => {
    expect(await sendTo(germany)).toMatchObject({ carrier: "first", sender: null });
    const routes = [
      { countries: ["DE", "US"], carriers: [{ name: "second" }, { name: "first" }], senders: ["SHOP", "+46739000000"] },
      { carriers: [{ name: "first", weight: 1 }], senders: ["46739"] },
    ];
    const { app } = await apps().updateRouting({
      appId: "default",
      channel: Channel.SMS,
      routes,
      updateMask: { paths: ["routes"] },
    });
    expect(app!.routing).toMatchObject([{ channel: Channel.SMS, routes }]);
    expect(await sendTo("+4915112345679")).toMatchObject({ carrier: "second", sender: "SHOP" });
    expect(await sendTo("+14155550132")).toMatchObject({ carrier: "second", sender: "+46739000000" });
    expect(await sendTo(sweden)).toMatchObject({ carrier: "first", sender: "46739" });
    const unknown = [{ carriers: [{ name: "third" }] }];
    expect(
      await refused(
        apps().updateRouting({ appId: "default", channel: Channel.SMS, routes: unknown, updateMask: { paths: ["routes"] } }),
      ),
    ).toMatchObject({
      reason: "REQUEST_INVALID",
    });
    expect((await apps().getApp({ appId: "default" })).app!.routing).toEqual(app!.routing);
  });

  it("a carrier whose codes are not entered is drained in its country, and ListProviders, metrics and log say so", async () => {
    for (let n = 1; n <= 15; n += 1) await sendTo(`+467017406${String(n).padStart(2, "0")}`, `198.51.100.${n}`);
    expect((await listed()).map(({ name, failing }) => [name, failing])).toEqual([
      ["first", []],
      ["second", []],
    ]);
    // The settlements are written within 50 ms.
    const { messages } = on.app.core.deps.store;
    await eventually("the messages", async () => {
      const { messages: sent } = await messages.list({ filter: { status: "sent" }, before: null, limit: 20 });
      return sent.length === 15 ? sent : undefined;
    });
    on.clock.advance(2 * 60_000);
    const [failing] = await eventually("the failing route", async () => {
      const [provider] = await listed();
      return provider!.failing.length > 0 ? provider!.failing : undefined;
    });
    expect(failing).toMatchObject({ country: "SE", verified: 0, unverified: 0 });
    const metrics = await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
    expect(metrics).toContain('latchkey_route_failing{provider="first",channel="sms",country="SE"} 1\n');
    expect(on.log.lines).toContainEqual({
      level: "error",
      message: expect.stringMatching(/^route failing/),
      fields: { provider: "first", channel: "sms", country: "SE" },
    });
    const carriers = [];
    for (let n = 1; n <= 3; n += 1) carriers.push((await sendTo(`+4670174061${n}`, `203.0.113.${n}`)).carrier);
    expect(carriers).toEqual(["first", "second", "second"]);
    expect(await sendTo(germany)).toMatchObject({ carrier: "first" });
  });
});
