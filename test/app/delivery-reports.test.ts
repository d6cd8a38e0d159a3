import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newClientSecret } from "../../src/crypto/client-secret.js";
import type { Provider } from "../../src/delivery/provider.js";
import { Channel } from "../../src/gen/latchkey/v1/challenge_pb.js";
import { type HookServer, startHookServer, verifyQuestion } from "../accounts/hook-server.js";
import { eventually, startTestApp, type TestApp } from "../support/app.js";
import { testEngines } from "../support/engines.js";

const phone = "+46701234567";

describe.each(testEngines())("a carrier's report on $engine", ({ database }) => {
  let on: TestApp;
  let hook: HookServer;
  const keys: string[] = [];
  const codes: string[] = [];
  const clientSecret = newClientSecret().secret;

  const carrier: Provider = {
    name: "sms-main",
    channels: ["sms"],
    async send({ sendKey, code }) {
      keys.push(sendKey);
      codes.push(code);
      return { kind: "sent", detail: "", providerMessageId: `SM${keys.length}` };
    },
    close: async () => {},
    async readReports({ headers, body }) {
      if (headers["x-secret"] !== "right") return { kind: "forged" };
      return { kind: "reports", reports: [JSON.parse(body.toString())] };
    },
  };

  beforeAll(async () => {
    hook = await startHookServer();
    const running = { providers: [carrier], developmentClients: [{ clientId: "default-admin", clientSecret }] };
    on = await startTestApp(await database(), running);
  });
  afterAll(async () => {
    await on.stop();
    hook.stop();
  });

  async function admin(method: string, request: object) {
    const authorization = `Basic ${Buffer.from(`default-admin:${clientSecret}`).toString("base64")}`;
    const response = await fetch(`http://127.0.0.1:${on.app.httpPort}/latchkey.v1.AppService/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json", "connect-protocol-version": "1", authorization },
      body: JSON.stringify(request),
    });
    const body = await response.json();
    if (!response.ok) throw new Error(`${method}: ${JSON.stringify(body)}`);
    return body;
  }

  async function send(): Promise<string> {
    const count = keys.length;
    const identifier = { case: "phone", value: phone } as const;
    await on.auth.sendOtp({ identifier, channel: Channel.SMS, createUserIfMissing: true });
    return await eventually("the message at the carrier", async () => keys[count]);
  }

  async function report(sendKey: string, secret = "right"): Promise<number> {
    const body = JSON.stringify({ sendKey, status: "delivered", cause: "" });
    const url = `http://127.0.0.1:${on.app.httpPort}/delivery/reports/sms-main`;
    return (await fetch(url, { method: "POST", headers: { "x-secret": secret }, body })).status;
  }

  it("reaches the app's hook, with neither the code nor the whole number, and none without a hook or by a forger", async () => {
    expect(await report(await send())).toBe(200);
    // It may have come before its message was settled.
    const { messages } = on.app.core.deps.store;
    await eventually("the first message's report", async () => {
      return (await messages.list({ filter: { status: "delivered" }, before: null, limit: 1 })).messages[0];
    });
    const { app, secret } = await admin("PutDeliveryReportHook", { appId: "default", url: hook.url });
    expect(app.deliveryReportHook).toEqual({ url: hook.url, format: "DELIVERY_REPORT_FORMAT_LATCHKEY" });
    on.clock.advance(120_000);
    const sendKey = await send();
    expect(await report(sendKey, "wrong")).toBe(403);
    for (let i = 0; i < 2; i += 1) expect(await report(sendKey)).toBe(200);
    const heard = await eventually("the report at the app", async () => hook.questions[0]);
    expect(verifyQuestion(secret, heard, on.clock())).toMatchObject({
      type: "message.status_changed",
      data: { app_id: "default", channel: "sms", provider: "sms-main", provider_message_id: "SM2", status: "delivered" },
    });
    expect(heard.text).not.toContain(phone);
    expect(heard.text).not.toMatch(new RegExp(`\\b(${codes.join("|")})\\b`));
    const taken = 'latchkey_delivery_reports_forwarded_total{result="taken"} 1';
    const metrics = async () => await (await fetch(`http://127.0.0.1:${on.app.metricsPort}/metrics`)).text();
    await eventually("the metric", async () => ((await metrics()).includes(taken) ? true : undefined));
    const { app: without } = await admin("DeleteDeliveryReportHook", { appId: "default" });
    expect(without).not.toHaveProperty("deliveryReportHook");
    expect(hook.questions).toHaveLength(1);
  });
});
