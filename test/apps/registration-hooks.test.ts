import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../src/apps/create-app.js";
import { deleteApp } from "../../src/apps/delete-app.js";
import { getApp } from "../../src/apps/read-apps.js";
import { deleteRegistrationHook, putRegistrationHook } from "../../src/apps/registration-hook.js";
import { updateApp } from "../../src/apps/update-app.js";
import { type AppsBench, admin, benchEngines, refusal } from "./support.js";

const url = "https://hooks.example.com/registration?token=hunter2";

describe.each(benchEngines())("registration hooks on $engine", ({ open }) => {
  let bench: AppsBench;
  beforeEach(async () => {
    bench = await open();
    await createApp(bench.deps, admin, { appId: "shop" });
  });
  afterEach(() => bench.stop());

  const put = (changes: { url?: string; failOpen?: boolean; appId?: string } = {}) =>
    putRegistrationHook(bench.deps, admin, { appId: "shop", url, failOpen: false, ...changes });
  const hookKeys = async () => (await bench.store.keys.list()).filter(({ use }) => use === "hook").map(({ keyId }) => keyId);

  it("an app has what was put, and the log has neither the path nor the secret", async () => {
    const { app, secret } = await put({ failOpen: true });
    expect(app.registrationHook).toEqual({ url, keyId: expect.any(String), failOpen: true });
    expect(await getApp(bench.deps, { appId: "shop" })).toEqual(app);
    expect(await hookKeys()).toEqual([app.registrationHook!.keyId]);
    const { address, correlationId } = admin.source;
    const what = { app: "shop", origin: "https://hooks.example.com", failOpen: true };
    const line = { by: "admin-backend", ...what, address, correlationId };
    expect(bench.log.lines.at(-1)).toEqual({ level: "info", message: "set a registration hook", fields: line });
    expect(JSON.stringify(bench.log.lines)).not.toMatch(/hunter2|whsec_/);
    expect(JSON.stringify(app)).not.toContain(secret);
    expect(bench.refreshes()).toBe(2);
  });

  it("a second put replaces the first one and its secret, and other changes keep both", async () => {
    const first = await put();
    const second = await put({ failOpen: true });
    expect(second.secret).not.toBe(first.secret);
    expect(await hookKeys()).toEqual([second.app.registrationHook!.keyId]);
    const renamed = await updateApp(bench.deps, admin, { appId: "shop", changes: { displayName: "Shop" } });
    expect(renamed.registrationHook).toEqual(second.app.registrationHook);
    expect(await hookKeys()).toEqual([second.app.registrationHook!.keyId]);
  });

  it("of ten parallel puts one counts, and only its secret stays", async () => {
    const made = await Promise.all(Array.from({ length: 10 }, () => put()));
    const { registrationHook } = await getApp(bench.deps, { appId: "shop" });
    expect(made.map(({ app }) => app.registrationHook!.keyId)).toContain(registrationHook!.keyId);
    expect(await hookKeys()).toEqual([registrationHook!.keyId]);
  });

  it("the secret goes with the hook, and with the app", async () => {
    await put();
    expect((await deleteRegistrationHook(bench.deps, admin, { appId: "shop" })).registrationHook).toBe(null);
    expect(await hookKeys()).toEqual([]);
    await deleteRegistrationHook(bench.deps, admin, { appId: "shop" });
    await put();
    expect(await deleteApp(bench.deps, admin, { appId: "shop" })).toBe("deleted");
    expect(await hookKeys()).toEqual([]);
  });

  it("an unknown app is refused, and no secret is made", async () => {
    await expect(put({ appId: "nope" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
    await expect(deleteRegistrationHook(bench.deps, admin, { appId: "nope" })).rejects.toEqual(refusal("APP_NOT_FOUND"));
    expect(await hookKeys()).toEqual([]);
  });

  it("a put that the store fails leaves the hook and its secret as they were, and no other secret", async () => {
    const { app } = await put();
    const { apps } = bench.store;
    const failing = { ...apps, changeApp: () => Promise.reject(new Error("planted")) };
    const deps = { ...bench.deps, store: { ...bench.store, apps: failing } };
    const failed = putRegistrationHook(deps, admin, { appId: "shop", url, failOpen: true });
    await expect(failed).rejects.toThrow("planted");
    expect((await getApp(bench.deps, { appId: "shop" })).registrationHook).toEqual(app.registrationHook);
    expect(await hookKeys()).toEqual([app.registrationHook!.keyId]);
  });

  it.each([
    "http://hooks.example.com/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://169.254.169.254/",
    "https://2130706433/",
    "https://user:hunter2@hooks.example.com/",
    "file:///etc/passwd",
  ])("%s is refused without being repeated, and the hook stays as it was", async (bad) => {
    const { app } = await put();
    const error = await put({ url: bad }).catch((reason: unknown) => reason);
    expect(error).toEqual(refusal("REQUEST_INVALID", "url"));
    expect(JSON.stringify(error) + String(error)).not.toContain(bad);
    expect((await getApp(bench.deps, { appId: "shop" })).registrationHook).toEqual(app.registrationHook);
    expect(await hookKeys()).toEqual([app.registrationHook!.keyId]);
  });
});
