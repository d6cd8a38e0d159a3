import { describe, expect, it } from "vitest";
import type { DeliveryResult, Provider } from "../../src/delivery/provider.js";
import type { App } from "../../src/model/app.js";
import type { AppCarrier } from "../../src/model/carrier.js";
import type { Policy } from "../../src/model/policy.js";
import { createAppCarriers, testAppCarrier } from "../../src/server/app-carriers.js";
import { message } from "../delivery/fixtures.js";
import { plainApp } from "../support/directory.js";

const carrier = (name: string, keyId: string, channel: AppCarrier["channel"] = "sms"): AppCarrier => ({
  ...{ name, keyId, channel },
  kind: "smpp",
});

/** A directory that the test changes, and providers that keep what happens to them. */
function start({ openedMax }: { readonly openedMax?: number } = {}) {
  const apps = new Map<string, App>();
  const events: string[] = [];
  const closed: string[] = [];
  const missing = new Set<string>();
  let unreadable = false;
  let onRefresh = (): void => {};
  const release: (() => void)[] = [];
  const carriers = createAppCarriers({
    directory: {
      findApp: (appId) => apps.get(appId) ?? null,
      async refresh() {
        onRefresh();
      },
    },
    async open({ appId }, { name, keyId, channel }) {
      if (unreadable) throw new Error("the database is away");
      if (missing.has(keyId)) return null;
      events.push(`open ${keyId}`);
      const provider: Provider = {
        name: `${appId}/${name}`,
        channels: [channel],
        send: () => new Promise<DeliveryResult>((resolve) => release.push(() => resolve({ kind: "sent", detail: keyId }))),
        async close() {
          events.push(`close ${keyId}`);
        },
      };
      return provider;
    },
    onClosed: (name) => void closed.push(name),
    ...(openedMax === undefined ? {} : { openedMax }),
  });
  return {
    carriers,
    events,
    closed,
    missing,
    release,
    set: (appId: string, own: readonly AppCarrier[], displayName = appId) =>
      void apps.set(appId, plainApp({ appId, displayName, carriers: own, audience: "", policy: {} as Policy })),
    fail: (now: boolean) => {
      unreadable = now;
    },
    atRefresh: (act: () => void) => {
      onRefresh = act;
    },
    /** The carriers of SMS. */
    of: async (appId: string) => (await carriers.of({ appId, channel: "sms" })) ?? null,
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe("the carriers of an app", () => {
  it("are those of the channel in its order, and null for a channel without one, so that the deployment's count", async () => {
    const on = start();
    on.set("shop", [carrier("b", "k1"), carrier("mail", "k2", "email"), carrier("a", "k3")]);
    expect((await on.of("shop"))!.map(({ name }) => name)).toEqual(["shop/b", "shop/a"]);
    expect(on.carriers.of({ appId: "shop", channel: "voice" })).toBe(null);
    expect(on.carriers.of({ appId: "other", channel: "sms" })).toBe(null);
  });

  it("are opened once, however many messages ask at a time", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    const found = await Promise.all(Array.from({ length: 20 }, () => on.of("shop")));
    expect(new Set(found.map((providers) => providers![0])).size).toBe(1);
    expect(on.events).toEqual(["open k1"]);
  });

  it("that were replaced are closed once their sends have ended, and messages get the new one at once", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    const [old] = (await on.of("shop"))!;
    const sending = old!.send(message("sms"));
    on.set("shop", [carrier("a", "k2")]);
    await on.of("shop");
    on.carriers.sweep();
    await settled();
    expect(on.events).toEqual(["open k1", "open k2"]);
    expect(on.closed).toEqual(["shop/a"]);
    expect(await old!.send(message("sms"))).toMatchObject({ kind: "unavailable" });
    on.release[0]!();
    expect(await sending).toMatchObject({ kind: "sent" });
    await settled();
    expect(on.events).toEqual(["open k1", "open k2", "close k1"]);
  });

  it("that were removed, or whose app was, are closed, and the others stay", async () => {
    const on = start();
    for (const appId of ["shop", "blog"]) on.set(appId, [carrier("a", `${appId}-a`), carrier("b", `${appId}-b`)]);
    await Promise.all([on.of("shop"), on.of("blog")]);
    on.set("shop", [carrier("b", "shop-b")]);
    on.set("blog", []);
    on.carriers.sweep();
    await settled();
    expect(on.events.filter((event) => event.startsWith("close")).toSorted()).toEqual([
      "close blog-a",
      "close blog-b",
      "close shop-a",
    ]);
    await on.of("shop");
    expect(on.events.filter((event) => event === "open shop-b")).toHaveLength(1);
  });

  it("are opened again when the app gets another name, which mail has as its sender", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    await on.of("shop");
    on.set("shop", [carrier("a", "k1")], "The Shop");
    await on.of("shop");
    await settled();
    expect(on.events).toEqual(["open k1", "open k1", "close k1"]);
  });

  it("are open in a bounded number: the one that was used least recently is closed", async () => {
    const on = start({ openedMax: 2 });
    for (const appId of ["a", "b", "c"]) on.set(appId, [carrier("x", `key-${appId}`)]);
    await on.of("a");
    await on.of("b");
    await on.of("a");
    await on.of("c");
    await settled();
    expect(on.events).toEqual(["open key-a", "open key-b", "open key-c", "close key-b"]);
  });

  it("whose settings can't be opened are unavailable with the cause, and are tried again at the next message", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1"), carrier("b", "k2")]);
    on.missing.add("k1");
    const [first, second] = (await on.of("shop"))!;
    expect(await first!.send(message("sms"))).toMatchObject({
      kind: "unavailable",
      isMisconfigured: true,
      detail: expect.stringContaining("can't be opened"),
    });
    expect(await first!.check!()).toContain("can't be opened");
    expect(second!.name).toBe("shop/b");
    on.missing.clear();
    await on.of("shop");
    expect(on.events).toContain("open k1");
  });

  it("that another process has just replaced are found after a look into the database", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    on.missing.add("k1");
    on.atRefresh(() => on.set("shop", [carrier("a", "k2")]));
    expect(on.events).toEqual([]);
    await on.of("shop");
    expect(on.events).toEqual(["open k2"]);
  });

  it("can't be told while the database is away: the message waits, and the next one finds them", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    on.fail(true);
    await expect(on.of("shop")).rejects.toThrow("away");
    await expect(on.carriers.find("shop/a")).rejects.toThrow("away");
    on.fail(false);
    expect((await on.of("shop"))!.map(({ name }) => name)).toEqual(["shop/a"]);
  });

  it("are found by their names in the deployment alone", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1")]);
    expect((await on.carriers.find("shop/a"))?.name).toBe("shop/a");
    for (const name of ["shop/b", "other/a", "a", "shop", "/a", ""]) expect(await on.carriers.find(name), name).toBe(null);
  });

  it("are tested for a bounded time, because the call that asks ends too", async () => {
    const silent: Provider = {
      ...{ name: "shop/a", channels: ["sms"] },
      send: async () => ({ kind: "sent", detail: "" }),
      check: () => new Promise(() => {}),
      close: async () => {},
    };
    const tested = await testAppCarrier({ find: async () => silent }, "shop/a", 1);
    expect(tested).toEqual({ problem: expect.stringContaining("did not answer in time") });
    expect(await testAppCarrier({ find: async () => ({ ...silent, check: async () => null }) }, "shop/a", 1_000)).toEqual({
      problem: null,
    });
  });

  it("are all closed at the end", async () => {
    const on = start();
    on.set("shop", [carrier("a", "k1"), carrier("b", "k2")]);
    await on.of("shop");
    await on.carriers.close();
    expect(on.events.slice(2).toSorted()).toEqual(["close k1", "close k2"]);
  });
});
