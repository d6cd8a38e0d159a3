import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, operator } from "../../src/apps/actor.js";
import { createApp } from "../../src/apps/create-app.js";
import { createClient } from "../../src/apps/create-client.js";
import { deleteApp } from "../../src/apps/delete-app.js";
import { getApp, listApps } from "../../src/apps/read-apps.js";
import { updateApp } from "../../src/apps/update-app.js";
import { type AppsBench, admin, benchEngines, refusal } from "./support.js";

describe.each(benchEngines())("apps on $engine", ({ open }) => {
  let on: AppsBench;
  beforeEach(async () => {
    on = await open();
  });
  afterEach(() => on.stop());

  const ids = async () => (await listApps(on.deps, { pageSize: 0, pageToken: "" })).items.map(({ appId }) => appId);

  it("a new app has what was given, the next number, and defaults for the rest", async () => {
    const app = await createApp(on.deps, admin, { appId: "shop", displayName: "Shop" });
    expect(app).toMatchObject({
      appId: "shop",
      poolId: "main",
      displayName: "Shop",
      state: "active",
      policy: {},
      audience: "",
    });
    expect(app.number).toBe((await getApp(on.deps, { appId: "default" })).number + 1);
    expect(await getApp(on.deps, { appId: "shop" })).toEqual(app);
    expect(on.refreshes()).toBe(1);
    const { address, correlationId } = admin.source;
    const fields = { by: "admin-backend", app: "shop", pool: "main", address, correlationId };
    expect(on.log.lines).toEqual([{ level: "info", message: "created an app", fields }]);
  });

  it("of calls that race for one id exactly one makes the app", async () => {
    const made = await Promise.allSettled(
      Array.from({ length: 8 }, (_, n) => createApp(on.deps, admin, { appId: "shop", displayName: `Shop ${n}` })),
    );
    expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    const refusals = made.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    for (const error of refusals) expect(error).toMatchObject({ reason: "ALREADY_EXISTS", metadata: { id: "shop" } });
    expect(await ids()).toEqual(["default", "shop"]);
  });

  it.each([
    ["app_id", { appId: "Shop" }],
    ["app_id", { appId: "s" }],
    ["app_id", { appId: "1shop" }],
    ["app_id", { appId: `s${"h".repeat(32)}` }],
    ["pool_id", { appId: "shop", poolId: "Main" }],
    ["display_name", { appId: "shop", displayName: "Sh\u202eop" }],
    ["display_name", { appId: "shop", displayName: "s".repeat(41) }],
    ["logo_url", { appId: "shop", logoUrl: "http://shop.example.com/logo.png" }],
    ["logo_url", { appId: "shop", logoUrl: "https://user:pass@shop.example.com/logo.png" }],
    ["support_address", { appId: "shop", supportAddress: "call us" }],
    ["support_address", { appId: "shop", supportAddress: "javascript:alert(1)" }],
    ["allowed_origins[1]", { appId: "shop", allowedOrigins: ["https://shop.example.com", "https://*.example.com"] }],
    ["allowed_origins[0]", { appId: "shop", allowedOrigins: ["https://shop.example.com/"] }],
    ["support_address", { appId: "shop", supportAddress: "a\u0001@example.com" }],
    ["audience", { appId: "shop", audience: "api\nnews" }],
    ["audience", { appId: "shop", audience: "a".repeat(256) }],
    ["audience", { appId: "shop", audience: "http://localhost:8080" }],
    ["audience", { appId: "shop", audience: "http://localhost:8080/apps/news" }],
  ])("a bad %s is refused by name, and nothing is made: %j", async (field, input) => {
    await expect(createApp(on.deps, operator(), input)).rejects.toEqual(refusal("REQUEST_INVALID", field));
    expect(await ids()).toEqual(["default"]);
    expect([on.refreshes(), on.log.lines]).toEqual([0, []]);
  });

  it("an app may name its own audience, and one outside the issuer", async () => {
    await createApp(on.deps, admin, { appId: "shop", audience: "http://localhost:8080/apps/shop" });
    await createApp(on.deps, admin, { appId: "news", audience: "https://api.news.example.com" });
    expect(await ids()).toEqual(["default", "news", "shop"]);
  });

  it("an update changes what it names and nothing else", async () => {
    const before = await createApp(on.deps, admin, { appId: "shop", displayName: "Shop", supportAddress: "help@example.com" });
    const changes = { displayName: "The Shop", allowedOrigins: ["https://shop.example.com"] };
    const after = await updateApp(on.deps, admin, { appId: "shop", changes });
    expect(after).toEqual({ ...before, ...changes });
    expect(await getApp(on.deps, { appId: "shop" })).toEqual(after);
  });

  it("a refused update changes nothing", async () => {
    const before = await createApp(on.deps, admin, { appId: "shop", displayName: "Shop" });
    const changes = { displayName: "The Shop", logoUrl: "ftp://example.com" };
    await expect(updateApp(on.deps, admin, { appId: "shop", changes })).rejects.toEqual(refusal("REQUEST_INVALID", "logo_url"));
    expect(await getApp(on.deps, { appId: "shop" })).toEqual(before);
  });

  it("an app is archived and made active again", async () => {
    await createApp(on.deps, admin, { appId: "shop" });
    const archived = await updateApp(on.deps, admin, { appId: "shop", changes: { state: "archived" } });
    expect(archived.state).toBe("archived");
    expect((await updateApp(on.deps, admin, { appId: "shop", changes: { state: "active" } })).state).toBe("active");
  });

  it("the default app is neither deleted nor archived, by anyone", async () => {
    for (const actor of [admin, operator()]) {
      await expect(deleteApp(on.deps, actor, { appId: "default" })).rejects.toEqual(refusal("DEFAULT_APP"));
      const archive = updateApp(on.deps, actor, { appId: "default", changes: { state: "archived" } });
      await expect(archive).rejects.toEqual(refusal("DEFAULT_APP"));
    }
    expect(await getApp(on.deps, { appId: "default" })).toMatchObject({ state: "active" });
    expect((await updateApp(on.deps, admin, { appId: "default", changes: { displayName: "Main" } })).displayName).toBe("Main");
  });

  it("a deleted app leaves with its clients", async () => {
    await createApp(on.deps, admin, { appId: "shop" });
    await createClient(on.deps, admin, { appId: "shop", clientId: "shop-web", kind: "public", secretExpiresInMs: null });
    expect(await deleteApp(on.deps, admin, { appId: "shop" })).toBe("deleted");
    expect(await ids()).toEqual(["default"]);
    expect(await on.store.apps.findClient("shop-web")).toBeNull();
  });

  it("an administrator neither ends nor revives an app that has a client with a right that it lacks", async () => {
    await createApp(on.deps, admin, { appId: "shop" });
    const client = { appId: "shop", kind: "confidential", scopes: ["operator"], secretExpiresInMs: null } as const;
    await createClient(on.deps, operator(), { ...client, clientId: "shop-operations" });
    const lacking = { reason: "SCOPE_MISSING", metadata: { scope: "operator" } };
    const change = (actor: Actor, state: "archived" | "active") =>
      updateApp(on.deps, actor, { appId: "shop", changes: { state } });
    await expect(deleteApp(on.deps, admin, { appId: "shop" })).rejects.toMatchObject(lacking);
    await expect(change(admin, "archived")).rejects.toMatchObject(lacking);
    expect((await change(operator(), "archived")).state).toBe("archived");
    await expect(change(admin, "active")).rejects.toMatchObject(lacking);
    expect((await change(operator(), "active")).state).toBe("active");
    expect((await updateApp(on.deps, admin, { appId: "shop", changes: { displayName: "Shop" } })).displayName).toBe("Shop");
    expect(await deleteApp(on.deps, operator(), { appId: "shop" })).toBe("deleted");
  });

  it("an unknown app is refused with its own reason", async () => {
    const missing = { appId: "shop" };
    const calls = [
      () => getApp(on.deps, missing),
      () => updateApp(on.deps, admin, { ...missing, changes: { displayName: "x" } }),
      () => deleteApp(on.deps, admin, missing),
    ];
    for (const call of calls) await expect(call()).rejects.toEqual(refusal("APP_NOT_FOUND"));
    expect(on.log.lines).toEqual([]);
  });

  it("pages of any size list every app once, in the order of ids", async () => {
    for (let n = 0; n < 7; n += 1) await createApp(on.deps, admin, { appId: `app-${n}` });
    for (const pageSize of [1, 3, 8, 100]) {
      const found: string[] = [];
      let pageToken = "";
      do {
        const page = await listApps(on.deps, { pageSize, pageToken });
        expect(page.items.length).toBeLessThanOrEqual(pageSize);
        found.push(...page.items.map(({ appId }) => appId));
        pageToken = page.nextPageToken;
      } while (pageToken !== "");
      expect(found).toEqual([...Array.from({ length: 7 }, (_, n) => `app-${n}`), "default"]);
    }
  });
});
