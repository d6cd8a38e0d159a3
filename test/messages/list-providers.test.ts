import { afterEach, describe, expect, it } from "vitest";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { DeliveryService, ProviderState, type ProviderStatus } from "../../src/gen/latchkey/v1/delivery_service_pb.js";
import type { Scope } from "../../src/model/scope.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { refused } from "../support/calls.js";
import { addClient, connectClient } from "../support/clients.js";
import { startMailServer } from "../support/smtp.js";

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (let close = closers.pop(); close !== undefined; close = closers.pop()) await close();
});

async function appWith(smtpUrl: string): Promise<TestApp> {
  const on = await startTestApp({ LATCHKEY_SMTP_URL: smtpUrl });
  closers.push(() => on.stop());
  return on;
}

async function deliveryOf(on: TestApp, scopes: readonly Scope[]) {
  const client = await addClient(on, { clientId: `client-${closers.length}`, scopes });
  closers.push(async () => {});
  return connectClient(DeliveryService, on.app, { authorization: client.basic });
}

describe("ListProviders", () => {
  it("names the carriers in order of preference; one that refuses its login is down with its cause, and the next one takes the message", async () => {
    const strict = await startMailServer({ login: { user: "mailer", password: "right" } });
    const open = await startMailServer({});
    closers.push(
      () => strict.stop(),
      () => open.stop(),
    );
    const parameters = "from=codes@example.org&starttls=never";
    const on = await appWith(
      `smtp://mailer:hunter2-wrong@127.0.0.1:${strict.port}?${parameters}#first,smtp://127.0.0.1:${open.port}?${parameters}#second`,
    );
    const delivery = await deliveryOf(on, ["messages:read"]);
    const listed = async () => (await delivery.listProviders({})).providers;
    const [first, second, ...others] = await listed();
    expect(others).toEqual([]);
    const fresh = { kind: "smtp", channel: Channel.EMAIL, state: ProviderState.UP, lastError: "" };
    expect(first).toMatchObject({ ...fresh, name: "first", sent: 0n, failed: 0n });
    expect(second).toMatchObject({ ...fresh, name: "second", sent: 0n, failed: 0n });
    on.clock.advance(1_000);

    await on.auth.registerUser({ email: "ada@example.com" });
    const [down, up] = await eventually("the message", async () => {
      const [one, two] = await listed();
      return two!.sent === 1n ? ([one!, two!] as readonly [ProviderStatus, ProviderStatus]) : undefined;
    });
    expect(down).toMatchObject({ name: "first", state: ProviderState.DOWN, sent: 0n, failed: 1n });
    expect(down.lastError).toMatch(/^The mail server refused the login \(535[^)]*\): .*LATCHKEY_SMTP_URL\.$/);
    expect(down.lastErrorAt?.seconds).toBe(BigInt(Math.floor(on.clock() / 1_000)));
    expect(down.since!.seconds).toBe(first!.since!.seconds + 1n);
    expect(up).toMatchObject({ name: "second", state: ProviderState.UP, failed: 0n, lastError: "", since: second!.since });
    for (const secret of ["hunter2", "ada@"]) expect(down.lastError).not.toContain(secret);
  });

  it("needs messages:read", async () => {
    const on = await appWith("smtp://127.0.0.1:1?from=codes@example.org&starttls=never");
    const delivery = await deliveryOf(on, ["messages:admin"]);
    expect((await refused(delivery.listProviders({}))).reason).toBe("SCOPE_MISSING");
  });
});
