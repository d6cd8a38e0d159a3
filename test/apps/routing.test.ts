import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createApp } from "../../src/apps/create-app.js";
import { getApp } from "../../src/apps/read-apps.js";
import { type UpdateRoutingInput, updateRouting } from "../../src/apps/update-routing.js";
import { type AppsBench, admin, benchEngines, refusal } from "./support.js";

const appId = "shop";
const carriers = [
  { name: "twilio", channel: "sms" },
  { name: "vonage", channel: "sms" },
  { name: "smtp", channel: "email" },
] as const;

type Routes = NonNullable<UpdateRoutingInput["routes"]>;

const route = (change: Partial<Routes[number]> = {}): Routes[number] => ({
  countries: [],
  prefixes: [],
  carriers: [],
  senders: [],
  ...change,
});
const named = (...names: string[]) => names.map((name) => ({ name, weight: 0 }));

describe.each(benchEngines())("the routing of an app on $engine", ({ open }) => {
  let bench: AppsBench;
  beforeEach(async () => {
    bench = await open({ carriers });
    await createApp(bench.deps, admin, { appId });
    const own = { name: "sms", channel: "sms", kind: "smpp", keyId: "carrier-1" } as const;
    await bench.store.apps.changeApp({ appId, apply: (app) => ({ ...app, carriers: [own] }) });
  });
  afterEach(() => bench.stop());

  const update = (routes: Routes, channel: UpdateRoutingInput["channel"] = "sms") =>
    updateRouting(bench.deps, admin, { appId, channel, routes });
  const routing = async () => (await getApp(bench.deps, { appId })).routing;

  it("an app has the routes that were set, those of each channel by themselves, and the log says so", async () => {
    const sms = [
      route({
        countries: ["SE"],
        prefixes: ["+4917"],
        carriers: [
          { name: "shop/sms", weight: 70 },
          { name: "twilio", weight: 30 },
        ],
      }),
      route({ senders: ["SHOP", "+46701740605", "46739"] }),
    ];
    await update([route({ carriers: named("smtp") })], "email");
    await update(sms);
    const ofEmail = { channel: "email", ...route({ carriers: named("smtp") }) };
    expect(await routing()).toEqual([ofEmail, ...sms.map((one) => ({ channel: "sms", ...one }))]);
    expect(bench.log.lines.at(-1)).toMatchObject({
      message: "changed the routing of an app",
      fields: { app: appId, channel: "sms" },
    });
    await update([]);
    expect(await routing()).toEqual([ofEmail]);
  });

  it.each<[string, Routes, string]>([
    ["an unknown carrier", [route({ carriers: named("twilio", "nexmo") })], "routes[0].carriers[1]"],
    ["a carrier of another channel", [route({ carriers: named("smtp") })], "routes[0].carriers[0]"],
    ["a carrier of another app", [route({ carriers: named("other/sms") })], "routes[0].carriers[0]"],
    ["a carrier twice", [route({ carriers: named("twilio", "twilio") })], "routes[0].carriers[1]"],
    ["a weight that is too large", [route({ carriers: [{ name: "twilio", weight: 1_001 }] })], "routes[0].carriers[0].weight"],
    [
      "a weight that is no whole number",
      [route({ carriers: [{ name: "twilio", weight: 0.5 }] })],
      "routes[0].carriers[0].weight",
    ],
    ["an unknown country", [route({ countries: ["SE", "XX"] })], "routes[0].countries[1]"],
    ["a prefix without a plus", [route({ prefixes: ["4917"] })], "routes[0].prefixes[0]"],
    ["a sender that is none", [route({ senders: ["LONGER THAN 11"] })], "routes[0].senders[0]"],
    ["a sender with a line break", [route({ senders: ["SHOP\r\nTo: x"] })], "routes[0].senders[0]"],
    ["a route after one that matches all", [route(), route({ countries: ["SE"] })], "routes[1]"],
  ])("%s is refused, and nothing changes", async (_, routes, field) => {
    await update([route({ carriers: named("vonage") })]);
    const before = await routing();
    await expect(update(routes)).rejects.toEqual(refusal("REQUEST_INVALID", field));
    expect(await routing()).toEqual(before);
  });

  it.each<[string, Routes[number], string]>([
    ["countries", route({ countries: ["SE"] }), "routes[0].countries[0]"],
    ["prefixes", route({ prefixes: ["+46"] }), "routes[0].prefixes[0]"],
    ["senders", route({ senders: ["SHOP"] }), "routes[0].senders[0]"],
  ])("routes of e-mail have no %s", async (_, one, field) => {
    await expect(update([one], "email")).rejects.toEqual(refusal("REQUEST_INVALID", field));
    expect(await routing()).toEqual([]);
  });

  it("an unknown app is refused", async () => {
    const unknown = updateRouting(bench.deps, admin, { appId: "nope", channel: "sms", routes: [] });
    await expect(unknown).rejects.toEqual(refusal("APP_NOT_FOUND"));
  });
});
