import { afterEach, expect, it } from "vitest";
import { newApp, newClient } from "../store/contract/directory-fixtures.js";
import { t0 } from "../store/contract/fixtures.js";
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

it("a message of an app that has a name calls it so, and that of any other what LATCHKEY_APP_NAME says", async () => {
  on = await startTestApp({ LATCHKEY_APP_NAME: "Ada's Shop" });
  const { store } = on.app.core.deps;
  for (const [appId, displayName] of [
    ["corner", "Corner Store"],
    ["unnamed", ""],
  ] as const) {
    await store.apps.createApp({ app: newApp({ appId, displayName, policy: { autoRegistration: true } }), now: t0 });
    await store.apps.createClient({ client: newClient({ clientId: `${appId}-web`, appId }), secret: null });
  }
  const textAs = async (clientId: string) => {
    const identifier = { case: "email", value: `${clientId}@example.com` } as const;
    const { challenge } = await on!.authAs(clientId).sendOtp({ identifier, createUserIfMissing: true });
    return (await on!.messageOf(challenge)).text;
  };
  expect(await textAs("corner-web")).toContain("is your Corner Store sign-in code");
  expect(await textAs("unnamed-web")).toContain("is your Ada's Shop sign-in code");
});
