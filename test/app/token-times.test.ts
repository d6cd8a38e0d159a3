import { timestampMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startTestApp, type TestApp } from "../support/app.js";
import { signIn } from "../support/calls.js";

let on: TestApp;
beforeEach(async () => {
  on = await startTestApp();
});
afterEach(() => on.stop());

it.each([0, 1, 400, 999])("expires_in never says more than is left of the token, %d ms into a second", async (ms) => {
  on.clock.advance(ms);
  const { tokens } = await signIn(on, "ada@example.com");
  const leftMs = timestampMs(tokens.accessTokenExpiresAt!) - on.clock();
  expect(tokens.expiresIn * 1000).toBeLessThanOrEqual(leftMs);
  expect(tokens.expiresIn * 1000).toBeGreaterThan(leftMs - 1000);
});
