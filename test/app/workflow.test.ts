import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import { BadRequestSchema } from "../../src/gen/google/rpc/error_details_pb.js";
import { AppService } from "../../src/gen/latchkey/v1/app_service_pb.js";
import { AuthService } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { createFakeProvider, type FakeProvider } from "../delivery/fixtures.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused, wrongCode } from "../support/calls.js";
import { connectClient } from "../support/clients.js";
import { testEngines } from "../support/engines.js";

const admin = { clientId: "default-admin", clientSecret: newClientSecret().secret };
const authorization = `Basic ${Buffer.from(`${admin.clientId}:${admin.clientSecret}`).toString("base64")}`;
const second = 1_000;
const phone = "+46701740605";
const step = (channel: Channel, ms: number) => ({ channel, after: durationFromMs(ms) });

describe.each(testEngines())("the workflow of a channel on $engine", ({ database }) => {
  let on: TestApp;
  let carriers: readonly FakeProvider[];
  beforeEach(async () => {
    carriers = (["sms", "whatsapp", "voice"] as const).map((channel) => createFakeProvider(`a-${channel}`, [channel]));
    on = await startTestApp(
      { LATCHKEY_LIMIT_COUNTRY_SENDS: "7/1h", ...(await database()) },
      { providers: carriers, developmentClients: [admin] },
    );
  });
  afterEach(() => on.stop());

  const apps = () => connectClient(AppService, on.app, { authorization });
  const update = (workflow: readonly ReturnType<typeof step>[], channel = Channel.SMS) =>
    apps().updateRouting({ appId: "default", channel, workflow: [...workflow], updateMask: { paths: ["workflow"] } });
  const both = [step(Channel.WHATSAPP, 30 * second), step(Channel.VOICE, 60 * second)];
  const send = (to = phone) =>
    on.auth.sendOtp({ identifier: { case: "phone", value: to }, channel: Channel.SMS, createUserIfMissing: true });
  const taken = () => carriers.flatMap(({ name, taken: messages }) => messages.map(({ code }) => `${name} ${code}`));
  const waiting = async () => (await on.app.core.deps.store.outbox.nextDueAt()) !== null;
  /** Moves the clock and waits until all that is due then was sent. */
  const advance = async (ms: number, count: number) => {
    on.clock.advance(ms);
    await eventually(`${count} messages`, async () => (taken().length >= count ? true : undefined));
  };

  it("a code that does not come back goes by each channel in turn, and GetChallenge shows none of it", async () => {
    const { app } = await update(both);
    expect(app!.routing).toMatchObject([{ channel: Channel.SMS, routes: [], workflow: both }]);
    const backend = connectClient(AuthService, on.app, { authorization });
    const { challenge } = await backend.sendOtp({
      identifier: { case: "phone", value: phone },
      channel: Channel.SMS,
      createUserIfMissing: true,
    });
    const { challengeId } = challenge!;
    await advance(0, 1);
    const before = (await backend.getChallenge({ challengeId })).challenge;
    const { code } = carriers[0]!.taken[0]!;
    await advance(30 * second, 2);
    await advance(60 * second, 3);
    expect(taken()).toEqual([`a-sms ${code}`, `a-whatsapp ${code}`, `a-voice ${code}`]);
    expect((await backend.getChallenge({ challengeId })).challenge).toEqual(before);
    expect((await backend.verifyOtp({ challengeId, code })).user).toBeDefined();
  });

  it.each(["a code that came back", "a code that was guessed too often"])("%s goes by no further channel", async (how) => {
    await update(both);
    const { challenge } = await send();
    const { challengeId } = challenge!;
    await advance(0, 1);
    const { code } = carriers[0]!.taken[0]!;
    if (how === "a code that came back") await on.auth.verifyOtp({ challengeId, code });
    else for (let n = 0; n < 5; n += 1) await refused(on.auth.verifyOtp({ challengeId, code: wrongCode(code, n) }));
    on.clock.advance(90 * second);
    await eventually("the end of the steps", async () => ((await waiting()) ? undefined : true));
    expect(taken()).toEqual([`a-sms ${code}`]);
  });

  it("all steps are charged when they are made: of 7 messages an hour to a country, two codes take 6", async () => {
    await update(both);
    await send("+46701740605");
    await send("+46701740606");
    expect(await refused(send("+46701740607"))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
    await update([]);
    await send("+46701740607");
    expect(await refused(send("+46701740608"))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
  });

  it("a step over a channel that the policy no longer allows is left out, and the others keep their times", async () => {
    await update(both);
    const channels = [Channel.SMS, Channel.VOICE];
    await apps().updatePolicy({ appId: "default", policy: { channels: { channels } }, updateMask: { paths: ["channels"] } });
    await send();
    await advance(0, 1);
    await advance(89 * second, 1);
    expect(taken()).toHaveLength(1);
    await advance(1 * second, 2);
    expect(carriers.map(({ taken: messages }) => messages.length)).toEqual([1, 0, 1]);
  });

  it.each([
    ["the channel itself", [step(Channel.SMS, 30 * second)], "workflow[0].channel"],
    ["a channel that reaches another contact", [step(Channel.EMAIL, 30 * second)], "workflow[0].channel"],
    ["a channel that the policy does not allow", [step(Channel.USSD, 30 * second)], "workflow[0].channel"],
    ["a channel twice", [step(Channel.VOICE, 30 * second), step(Channel.VOICE, 30 * second)], "workflow[1].channel"],
    ["a wait that is too short", [step(Channel.VOICE, 9_999)], "workflow[0].after"],
    [
      "a step after the code's end",
      [step(Channel.WHATSAPP, 200 * second), step(Channel.VOICE, 100 * second)],
      "workflow[1].after",
    ],
  ])("%s is refused as a step, and nothing changes", async (_, workflow, field) => {
    const channels = [Channel.EMAIL, Channel.SMS, Channel.WHATSAPP, Channel.VOICE];
    await apps().updatePolicy({ appId: "default", policy: { channels: { channels } }, updateMask: { paths: ["channels"] } });
    await update(both);
    const refusal = await update(workflow).catch(ConnectError.from);
    const fields = (refusal as ConnectError).findDetails(BadRequestSchema)[0]!.fieldViolations.map((one) => one.field);
    expect(fields).toEqual([field]);
    expect((await apps().getApp({ appId: "default" })).app!.routing).toMatchObject([{ workflow: both }]);
  });
});
