import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { refusalOf, signIn } from "../support/calls.js";

describe("more hashes than the machine can do", () => {
  let on: TestApp;
  beforeEach(async () => {
    on = await startTestApp({ LATCHKEY_CODE_HASH: "owasp" });
  });
  afterEach(() => on.stop());

  it("are refused as OVERLOADED with the time to wait, spend nothing, and leave the session's calls alone", async () => {
    const { tokens } = await signIn(on, "inside@example.com");
    const send = (n: number) =>
      on.auth.sendOtp({ identifier: { case: "email", value: `flood${n}@example.com` }, createUserIfMissing: true });
    const flood = Promise.allSettled(Array.from({ length: 120 }, (_, n) => send(n)));
    const refreshed = await on.auth.refreshToken({ refreshToken: tokens.refreshToken });
    expect(refreshed.tokens!.sessionId).toBe(tokens.sessionId);

    const settled = await flood;
    const refusals = settled.flatMap((one, n) => (one.status === "rejected" ? [{ n, ...refusalOf(one.reason) }] : []));
    expect(refusals.length).toBeGreaterThan(0);
    expect(refusals.length).toBeLessThan(120);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ code: "ResourceExhausted", reason: "OVERLOADED" });
      expect(refusal.retryAfterMs).toBeGreaterThan(0);
    }
    // No cooldown was begun for somebody who was turned away.
    expect((await send(refusals[0]!.n)).challenge).toBeDefined();
  });
});
