import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../src/apps/create-app.js";
import { deleteApp } from "../../src/apps/delete-app.js";
import { deleteDeliveryReportHook, putDeliveryReportHook } from "../../src/apps/delivery-report-hook.js";
import { getApp } from "../../src/apps/read-apps.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../src/apps/registration-hook.js";
import { day, minute, t0 } from "../store/contract/fixtures.js";
import { endedTry } from "../store/contract/message-fixtures.js";
import { type AppsBench, admin, benchEngines, refusal } from "./support.js";

const appId = "shop";
const url = "https://hooks.example.com/reports?token=hunter2";

describe.each(benchEngines())("hooks for delivery reports on $engine", ({ open }) => {
  let bench: AppsBench;
  beforeEach(async () => {
    bench = await open();
    await createApp(bench.deps, admin, { appId });
  });
  afterEach(() => bench.stop());

  const put = () => putDeliveryReportHook(bench.deps, admin, { appId, url });
  const remove = () => deleteDeliveryReportHook(bench.deps, admin, { appId });
  const hookKeys = async () => (await bench.store.keys.list()).filter(({ use }) => use === "hook").map(({ keyId }) => keyId);
  const waiting = async () => {
    const claim = { apps: [{ appId, max: 9 }], now: t0 + day, leaseMs: minute, limit: 9 };
    return (await bench.store.forwards.claim(claim)).length;
  };

  it("an app has what was put, and the log has neither the path nor the secret", async () => {
    const { app, secret } = await put();
    expect(app.deliveryReportHook).toEqual({ url, keyId: expect.any(String) });
    expect(secret).toMatch(/^whsec_/);
    expect(await getApp(bench.deps, { appId })).toEqual(app);
    const fields = expect.objectContaining({ by: "admin-backend", app: appId, origin: "https://hooks.example.com" });
    expect(bench.log.lines.at(-1)).toEqual({ level: "info", message: "set a hook for delivery reports", fields });
    expect(JSON.stringify(bench.log.lines)).not.toMatch(/hunter2|whsec_/);
    await remove();
    expect(bench.log.lines.at(-1)).toMatchObject({ message: "removed a hook for delivery reports", fields: { app: appId } });
  });

  it("each hook of an app has its own secret, which goes with it and with no other", async () => {
    const registration = (await putRegistrationHook(bench.deps, admin, { appId, url, failOpen: false })).app.registrationHook!;
    const first = (await put()).app;
    const second = (await put()).app;
    expect(second.deliveryReportHook!.keyId).not.toBe(first.deliveryReportHook!.keyId);
    expect(second.registrationHook).toEqual(registration);
    expect((await hookKeys()).sort()).toEqual([registration.keyId, second.deliveryReportHook!.keyId].sort());
    expect((await deleteRegistrationHook(bench.deps, admin, { appId })).deliveryReportHook).toEqual(second.deliveryReportHook);
    expect(await hookKeys()).toEqual([second.deliveryReportHook!.keyId]);
    expect((await remove()).deliveryReportHook).toBeNull();
    expect(await hookKeys()).toEqual([]);
  });

  it("the app's deletion deletes its secrets and what waits for it", async () => {
    await putRegistrationHook(bench.deps, admin, { appId, url, failOpen: false });
    await put();
    const ended = endedTry({ status: "failed", message: { appId } });
    const settlement = { outboxId: ended.messageId, tries: 0, retryAt: null, carrier: 0, unknowns: 0, ended };
    await bench.store.outbox.settle([settlement], new Set([appId]));
    expect(await waiting()).toBe(1);
    expect(await deleteApp(bench.deps, admin, { appId })).toBe("deleted");
    expect(await hookKeys()).toEqual([]);
    expect(await waiting()).toBe(0);
  });

  it("an unknown app and an address inside are refused, and no secret is made", async () => {
    const unknown = putDeliveryReportHook(bench.deps, admin, { appId: "nope", url });
    await expect(unknown).rejects.toEqual(refusal("APP_NOT_FOUND"));
    await expect(deleteDeliveryReportHook(bench.deps, admin, { appId: "nope" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
    for (const inside of ["https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "http://hooks.example.com/"]) {
      const refused = putDeliveryReportHook(bench.deps, admin, { appId, url: inside });
      await expect(refused).rejects.toEqual(refusal("REQUEST_INVALID", "url"));
    }
    expect(await hookKeys()).toEqual([]);
  });
});
