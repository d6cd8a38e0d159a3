import { afterEach, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";

let on: TestApp | undefined;
afterEach(() => on?.stop());

it("messages call the app what LATCHKEY_APP_NAME says", async () => {
  on = await startTestApp({ LATCHKEY_APP_NAME: "Ada's Shop" });
  const { challenge } = await on.auth.sendOtp({
    identifier: { case: "email", value: "ada@example.com" },
    createUserIfMissing: true,
  });
  const { text } = await on.messageOf(challenge);
  expect(text).toContain("is your Ada's Shop sign-in code");
  expect(text).not.toContain("Latchkey");
});
