import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { bearer, refusalOf, refused } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

const hour = 60 * 60_000;
const chosen = { LATCHKEY_SMS_COUNTRIES: "SE, de" };

describe.each(testEngines())("C12: numbers that codes never go to on $engine", ({ database }) => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp(await database());
  });
  afterEach(() => on.stop());

  /** A user with a verified number, who signed up while every country was open. */
  async function signUp(phone: string, username: string) {
    const { challenges } = await on.auth.registerUser({ phone, username });
    const { challengeId, code } = await on.messageOf(challenges[0]);
    const { user, tokens } = await on.auth.verifyOtp({ challengeId, code });
    on.clock.advance(hour);
    return { userId: user!.userId, tokens: tokens! };
  }

  const sendTo = (value: string) => on.auth.sendOtp({ identifier: { case: "phone", value } }).then(() => null, refusalOf);

  it("SendOtp refuses a closed country alike for a known and an unknown person, and sends nothing", async () => {
    await signUp("+255712345678", "amani");
    const before = (await on.messages("+255712345678")).length;
    on = await on.restart(chosen);
    const [known, unknown] = [await sendTo("+255712345678"), await sendTo("+255712345679")];
    expect(known).toMatchObject({ code: "FailedPrecondition", reason: "COUNTRY_NOT_ALLOWED" });
    expect(unknown).toEqual(known);
    // An open country still gets its code, so the inbox is read after whatever was sent before it.
    const { challenge } = await on.auth.sendOtp({
      identifier: { case: "phone", value: "+46701234567" },
      createUserIfMissing: true,
    });
    expect((await on.messageOf(challenge)).to).toBe("+46701234567");
    expect((await on.messages("+255712345678", 0)).length).toBeLessThanOrEqual(before);
    expect(await on.messages("+255712345679", 0)).toEqual([]);
  });

  it("SendOtp by username is answered for an account with a number of a closed country, since a refusal would reveal the country", async () => {
    await signUp("+255712345678", "amani");
    on = await on.restart(chosen);
    for (const value of ["amani", "nobody"]) {
      const { challenge } = await on.auth.sendOtp({ identifier: { case: "username", value }, channel: 2 });
      expect(challenge?.challengeId).toMatch(/.{20,}/);
    }
  });

  it("RegisterUser and StartContactChange refuse a closed country before anything is stored", async () => {
    await signUp("+46701234567", "ada");
    on = await on.restart(chosen);
    expect((await refused(on.auth.registerUser({ phone: "+255712345678" }))).reason).toBe("COUNTRY_NOT_ALLOWED");
    const { challenge } = await on.auth.sendOtp({ identifier: { case: "phone", value: "+46701234567" } });
    const { challengeId, code } = await on.messageOf(challenge);
    const { tokens } = await on.auth.verifyOtp({ challengeId, code });
    const change = on.auth.startContactChange(
      { contact: { case: "phone", value: "+255712345678" } },
      bearer(tokens!.accessToken),
    );
    expect((await refused(change)).reason).toBe("COUNTRY_NOT_ALLOWED");
    expect(await on.messages("+255712345678", 0)).toEqual([]);
  });

  it.each([
    "+19005550100",
    "+979123456789",
    "+881612345678",
    "+882161234567",
    "+883510012345",
    "+870301234567",
    "+18002345678",
    "+80012345678",
    "+4918051234567",
    "+112",
  ])("%s is an invalid field in every method that takes a number", async (phone) => {
    const refusals = [await sendTo(phone), await refused(on.auth.registerUser({ phone }))];
    for (const refusal of refusals) expect(refusal).toMatchObject({ code: "InvalidArgument", reason: "REQUEST_INVALID" });
    expect(await on.messages(phone, 0)).toEqual([]);
  });

  it("e-mail is unaffected where no country is chosen", async () => {
    on = await on.restart({ LATCHKEY_SMS_COUNTRIES: "none" });
    const email = { identifier: { case: "email" as const, value: "ada@example.com" }, createUserIfMissing: true };
    const { challenge } = await on.auth.sendOtp(email);
    expect((await on.messageOf(challenge)).to).toBe("ada@example.com");
    expect((await sendTo("+46701234567"))?.reason).toBe("COUNTRY_NOT_ALLOWED");
  });
});
