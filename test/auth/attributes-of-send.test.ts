import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { refusalOf } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const minute = 60_000;
const identifier = { case: "email", value: "ada@example.com" } as const;
const createUserIfMissing = true;

describe.each(testEngines())("custom_attributes of SendOtp on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ LATCHKEY_AUTO_REGISTRATION: "on", ...(await database()) });
  });
  afterEach(() => on.stop());

  async function signIn(customAttributes: Record<string, string>) {
    const { challenge } = await on.auth.sendOtp({ identifier, createUserIfMissing, customAttributes, locale: "sv" });
    const { code } = await on.messageOf(challenge);
    return (await on.auth.verifyOtp({ challengeId: challenge!.challengeId, code })).user!;
  }

  it("are those of the user that the code creates, and change no one else", async () => {
    const created = await signIn({ plan: "free" });
    expect(created).toMatchObject({ customAttributes: { plan: "free" }, locale: "sv", displayName: "" });
    on.clock.advance(minute);
    expect(await signIn({ plan: "paid" })).toMatchObject({ userId: created.userId, customAttributes: { plan: "free" } });
  });

  it("of a code that is sent again are those of the first send", async () => {
    const first = { identifier, createUserIfMissing, customAttributes: { plan: "free" } };
    const { challenge } = await on.auth.sendOtp(first);
    on.clock.advance(minute);
    const again = { identifier, createUserIfMissing, customAttributes: { plan: "paid" }, reuseLive: true };
    expect((await on.auth.sendOtp(again)).challenge!.challengeId).toBe(challenge!.challengeId);
    const { code } = await on.messageOf(challenge);
    const { user } = await on.auth.verifyOtp({ challengeId: challenge!.challengeId, code });
    expect(user!.customAttributes).toEqual({ plan: "free" });
  });

  it("that are too large are refused, and nothing is sent", async () => {
    const customAttributes = { text: "x".repeat(9_000) };
    const error = await on.auth.sendOtp({ identifier, createUserIfMissing, customAttributes }).catch((e: unknown) => e);
    expect(refusalOf(error)).toMatchObject({ reason: "REQUEST_INVALID" });
    const inbox = await fetch(`http://127.0.0.1:${on.app.inboxPort}/messages`);
    expect(await inbox.json()).toEqual([]);
  });
});
