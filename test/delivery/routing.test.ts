import { describe, expect, test } from "vitest";
import { createRouting, type RoutingDeps, senderOf } from "../../src/delivery/routing.js";
import { type FailingRoute, routeName } from "../../src/model/route-health.js";
import type { Route } from "../../src/model/routing.js";
import { times } from "../store/contract/fixtures.js";
import { createFakeProvider, delivery } from "./fixtures.js";

const [own, other] = [createFakeProvider("shop/sms"), createFakeProvider("shop/other")];
const [shared, spare] = [createFakeProvider("twilio"), createFakeProvider("vonage")];
const toSweden = { channel: "sms", contact: { kind: "phone", value: "+46701740605" } } as const;

const route = (change: Partial<Route> = {}): Route => ({
  channel: "sms",
  countries: [],
  prefixes: [],
  carriers: [],
  senders: [],
  ...change,
});

const failing = (provider: string, country = "SE"): FailingRoute => ({
  ...{ provider, channel: "sms", country },
  ...{ since: 0, verified: 0, misses: 0, probeAt: 0 },
});

function routingWith({
  routes = [],
  fails = [],
  probes = [],
  ...change
}: Partial<RoutingDeps> & {
  readonly routes?: readonly Route[];
  readonly fails?: readonly FailingRoute[];
  readonly probes?: readonly string[];
}) {
  const names = new Set(fails.map(routeName));
  const carriersOf = createRouting({
    routingOf: () => routes,
    carriersOf: () => [own, other],
    ofDeployment: () => [shared, spare],
    learned: {
      failing: () => fails,
      isFailing: (key) => names.has(routeName(key)),
      takeProbe: async ({ provider }) => probes.includes(provider),
    },
    ...change,
  });
  return async (message: Partial<ReturnType<typeof delivery>> = toSweden, id = 1) =>
    (await carriersOf(delivery(message), id)).map(({ name }) => name);
}

const named = (...names: string[]) => names.map((name) => ({ name, weight: 0 }));

describe("the carriers of a message", () => {
  test("are the app's own in their order without a route", async () => {
    expect(await routingWith({})()).toEqual(["shop/sms", "shop/other"]);
  });

  test("are those of the first route that matches its channel and its country or number", async () => {
    const carriers = routingWith({
      routes: [
        route({ channel: "voice", carriers: named("vonage") }),
        route({ prefixes: ["+4670174"], carriers: named("twilio", "shop/sms") }),
        route({ countries: ["DE", "SE"], carriers: named("shop/other") }),
        route({ carriers: named("vonage") }),
      ],
    });
    expect(await carriers()).toEqual(["twilio", "shop/sms"]);
    expect(await carriers({ channel: "sms", contact: { kind: "phone", value: "+46701999999" } })).toEqual(["shop/other"]);
    expect(await carriers({ channel: "sms", contact: { kind: "phone", value: "+33612345678" } })).toEqual(["vonage"]);
  });

  test("are the app's own if the route names none, or only carriers that are gone", async () => {
    expect(await routingWith({ routes: [route({ senders: ["SHOP"] })] })()).toEqual(["shop/sms", "shop/other"]);
    expect(await routingWith({ routes: [route({ carriers: named("shop/gone") })] })()).toEqual(["shop/sms", "shop/other"]);
    expect(await routingWith({ routes: [route({ carriers: named("shop/gone", "shop/other") })] })()).toEqual(["shop/other"]);
  });

  test("begin with one chosen by weight, the same for every try of the message, and go on as listed", async () => {
    const weighted = [
      { name: "twilio", weight: 70 },
      { name: "vonage", weight: 30 },
      { name: "shop/sms", weight: 0 },
    ];
    const carriers = routingWith({ routes: [route({ carriers: weighted })] });
    const orders = await Promise.all(times(400, (id) => carriers(toSweden, id)));
    expect(await Promise.all(times(400, (id) => carriers(toSweden, id)))).toEqual(orders);
    const [most, rest] = ["twilio,vonage,shop/sms", "vonage,twilio,shop/sms"].map(
      (order) => orders.filter((one) => one.join() === order).length,
    );
    expect(most! + rest!).toBe(400);
    expect(most).toBeGreaterThan(240);
    expect(most).toBeLessThan(320);
  });

  test("end with those whose route to the country fails", async () => {
    const carriers = routingWith({ fails: [failing("shop/sms")] });
    expect(await carriers()).toEqual(["shop/other", "shop/sms"]);
    expect(await carriers({ channel: "sms", contact: { kind: "phone", value: "+4915123456789" } })).toEqual([
      "shop/sms",
      "shop/other",
    ]);
    expect(await carriers({ ...toSweden, channel: "voice" })).toEqual(["shop/sms", "shop/other"]);
  });

  test("share the weights of those that work", async () => {
    const weighted = [
      { name: "twilio", weight: 1 },
      { name: "vonage", weight: 1 },
    ];
    const carriers = routingWith({ routes: [route({ carriers: weighted })], fails: [failing("vonage")] });
    const orders = await Promise.all(times(20, (id) => carriers(toSweden, id)));
    expect(new Set(orders.map((order) => order.join()))).toEqual(new Set(["twilio,vonage"]));
  });

  test("stay in their order if all fail", async () => {
    const fails = [failing("shop/sms"), failing("shop/other")];
    expect(await routingWith({ fails })()).toEqual(["shop/sms", "shop/other"]);
  });

  test("begin with a failing one if the message probes it", async () => {
    expect(await routingWith({ fails: [failing("shop/sms")], probes: ["shop/sms"] })()).toEqual(["shop/sms", "shop/other"]);
  });

  test("of e-mail are never taken for those of a country", async () => {
    const mail = routingWith({
      routes: [route({ channel: "email", carriers: named("twilio", "shop/sms") })],
      fails: [failing("twilio")],
    });
    expect(await mail({})).toEqual(["twilio", "shop/sms"]);
  });
});

describe("the sender of a message", () => {
  const words = { senderId: "ASKED" };
  const toUs = { kind: "phone", value: "+14155550132" } as const;
  const inSweden = { ...toSweden, words: null };

  test("is that of the carrier's settings without a route and a wish", () => {
    expect(senderOf([], inSweden)).toBeNull();
    expect(senderOf([route({ channel: "voice", senders: ["SHOP"] })], inSweden)).toBeNull();
  });

  test("is the first of its route that the country takes", () => {
    const routes = [route({ senders: ["SHOP", "+46739000000"] })];
    expect(senderOf(routes, inSweden)).toBe("SHOP");
    expect(senderOf(routes, { ...inSweden, contact: toUs })).toBe("+46739000000");
  });

  test("is the one that the call asks for, if the country takes it, and otherwise that of the route or the carrier", () => {
    const routes = [route({ senders: ["SHOP", "+46739000000"] })];
    expect(senderOf(routes, { ...inSweden, words })).toBe("ASKED");
    expect(senderOf(routes, { ...inSweden, contact: toUs, words })).toBe("+46739000000");
    expect(senderOf([], { ...inSweden, contact: toUs, words })).toBeNull();
    expect(senderOf([], { ...inSweden, words })).toBe("ASKED");
  });
});
