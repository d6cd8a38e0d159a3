import { describe, expect, it } from "vitest";
import { createDirectory, defaultDirectory, publicClient } from "../../src/apps/directory.js";
import { testSettings } from "../support/app.js";

const { policy } = testSettings({ LATCHKEY_DATABASE_URL: "sqlite::memory:" });
const app = (appId: string) => ({ appId, poolId: "main", displayName: "", audience: appId, policy });
const client = (clientId: string, appId: string) => publicClient({ clientId, appId });

describe("the directory", () => {
  it("finds each client with its app, and nothing under another id", () => {
    const directory = createDirectory({
      apps: [app("shop"), app("news")],
      clients: [client("shop-web", "shop"), client("news-web", "news")],
      fallbackId: "news-web",
    });
    expect(directory.find("shop-web")).toEqual({ client: client("shop-web", "shop"), app: app("shop") });
    expect(directory.fallback).toBe(directory.find("news-web"));
    for (const id of ["shop", "", "__proto__", "constructor", "SHOP-WEB"]) expect(directory.find(id)).toBeNull();
  });

  it.each([
    ["a client of an app that is not there", { apps: [app("shop")], clients: [client("c", "news")], fallbackId: null }],
    ["a fallback that is not there", { apps: [app("shop")], clients: [client("c", "shop")], fallbackId: "d" }],
    ["two clients with one id", { apps: [app("shop")], clients: [client("c", "shop"), client("c", "shop")], fallbackId: null }],
    ["two apps with one id", { apps: [app("shop"), app("shop")], clients: [], fallbackId: null }],
  ])("is not made with %s", (_what, given) => {
    expect(() => createDirectory(given)).toThrow();
  });

  it("has the default app's public client only where the deployment wants it", () => {
    const settings = { allowedOrigins: [], issuer: "http://localhost:8080", policy };
    const on = defaultDirectory({ defaultClient: true, ...settings });
    expect([on.fallback?.client.clientId, on.fallback?.app.appId]).toEqual(["default-web", "default"]);
    const off = defaultDirectory({ defaultClient: false, ...settings });
    expect([off.fallback, off.find("default-web")]).toEqual([null, null]);
  });
});
