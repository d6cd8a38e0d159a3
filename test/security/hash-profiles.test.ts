import { describe, expect, it } from "vitest";
import { startTestApp } from "../support/app.js";
import { refusalOf } from "../support/calls.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("on $engine", ({ database }) => {
  it.each([
    ["owasp", "fast"],
    ["fast", "owasp"],
  ])("a code that was sent under %s is checked by that profile after a restart with %s", async (sentUnder, then) => {
    const on = await startTestApp({ ...(await database()), LATCHKEY_CODE_HASH: sentUnder });
    const identifier = { case: "email", value: "ada@example.com" } as const;
    const { challenge } = await on.auth.sendOtp({ identifier, createUserIfMissing: true });
    const { code } = (await on.messageOf(challenge))!;
    const next = await on.restart({ LATCHKEY_CODE_HASH: then });
    const { challengeId } = challenge!;
    const wrong = code === "000000" ? "000001" : "000000";
    const refused = await next.auth.verifyOtp({ challengeId, code: wrong }).catch(refusalOf);
    expect(refused).toMatchObject({ reason: "CODE_INVALID" });
    expect((await next.auth.verifyOtp({ challengeId, code })).tokens).toBeDefined();
    await next.stop();
  });
});
