import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { startTestApp, type TestApp } from "../support/app.js";
import { refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("a resend over another channel on $engine", ({ database }) => {
  let on: TestApp;
  beforeAll(async () => {
    on = await startTestApp(await database());
  });
  afterAll(() => on.stop());

  const phone = "+46701234567";
  const resend = (challengeId: string, channel?: Channel) => {
    // The second cooldown is a minute, and up to a tenth longer.
    on.clock.advance(67_000);
    return on.auth.sendOtp({ identifier: { case: "challengeId", value: challengeId }, channel });
  };
  const channelsTo = async (to: string, count: number) =>
    (await on.messages(to, count)).map(({ channel, code }) => [channel, code]).reverse();

  it("sends the same code to the same number by a call, and signs in by it", async () => {
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "phone", value: phone }, createUserIfMissing: true });
    const [first] = await on.messages(phone);
    const resent = (await resend(challenge!.challengeId, Channel.VOICE)).challenge!;
    expect(resent).toMatchObject({
      challengeId: challenge!.challengeId,
      channel: Channel.VOICE,
      expiresAt: challenge!.expiresAt,
    });
    expect(resent.sendsLeft).toBe(challenge!.sendsLeft - 1);
    expect(await channelsTo(phone, 2)).toEqual([
      ["sms", first!.code],
      ["voice", first!.code],
    ]);
    const back = (await resend(challenge!.challengeId)).challenge!;
    expect(back.channel).toBe(Channel.SMS);
    const { tokens } = await on.auth.verifyOtp({ challengeId: challenge!.challengeId, code: first!.code });
    expect(tokens).toBeDefined();
  });

  it("is refused if the channel does not reach the contact, and sends nothing", async () => {
    const email = "ada@example.com";
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    expect((await refused(resend(challenge!.challengeId, Channel.SMS))).reason).toBe("CHANNEL_UNAVAILABLE");
    expect((await resend(challenge!.challengeId)).challenge?.sendsLeft).toBe(challenge!.sendsLeft - 1);
    expect((await on.messages(email, 2)).map(({ channel }) => channel)).toEqual(["email", "email"]);
  });

  it("answers for a number without a user as for any other", async () => {
    const stranger = "+46701234568";
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "phone", value: stranger } });
    const resent = (await resend(challenge!.challengeId, Channel.WHATSAPP)).challenge;
    expect(resent).toMatchObject({ channel: Channel.WHATSAPP, sendsLeft: challenge!.sendsLeft - 1 });
    expect((await refused(resend(challenge!.challengeId, Channel.EMAIL))).reason).toBe("CHANNEL_UNAVAILABLE");
    const inbox = (await (await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`)).json()) as { to: string }[];
    expect(inbox.filter(({ to }) => to === stranger)).toEqual([]);
  });
});
