import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { storeLocation } from "../../src/server/core.js";
import { openStore } from "../../src/store/open.js";
import { bytes, issue, minute, phone, t0 } from "../store/contract/fixtures.js";
import { append, endedTry } from "../store/contract/message-fixtures.js";
import { testSettings } from "../support/app.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

const gateway = JSON.stringify({
  channels: ["sms"],
  request: { url: "https://8.8.8.8/", body: { json: { to: "{to}", text: "{text}" } } },
  success: {},
});

describe.each(testEngines())("routing commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    const file = fileOf("gateway.json", gateway);
    env = {
      LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`,
      LATCHKEY_SMS_URL: `http-gateway://${file}#first,http-gateway://${file}#second`,
      ...(await database()),
    };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const routing = (...argv: string[]) => latchkey(env, ["routing", ...argv, "--app", "shop"]);
  function fileOf(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }
  const set = (routes: unknown) => routing("set", "--channel", "sms", "--file", fileOf("routes.json", JSON.stringify(routes)));

  /** Fifteen people in Sweden get no code by the carrier `first`. */
  async function loseCodes(): Promise<void> {
    const store = await openStore(storeLocation(testSettings({ ...commandSecrets, ...env })), { inFlight: () => 0 });
    for (let n = 0; n < 15; n += 1) {
      const { challengeId } = await issue(store, { contact: phone(), requesterKey: bytes(`network ${n}`) });
      await append(store, endedTry({ message: { challengeId }, ended: { provider: "first", endedAt: t0 } }));
    }
    await store.routes.judge({ now: t0 + 2 * minute, limit: 100 });
    await store.close();
  }

  it("set replaces the routes of a channel, and show prints them", async () => {
    expect((await routing("show")).out).toMatch(/no routes: each channel uses its carriers/);
    const routes = [
      { countries: ["SE"], carriers: [{ name: "second", weight: 3 }, { name: "first" }], senders: ["SHOP"] },
      { carriers: [{ name: "first" }] },
    ];
    expect(await set(routes)).toMatchObject({ code: 0, out: "The app shop uses these 2 routes for sms.\n" });
    expect((await routing("show")).out).toBe("1. sms to SE: second (weight 3), first, from SHOP\n2. sms to all: first\n");
    expect((await routing("show", "--json")).json()).toEqual({
      routes: [
        {
          channel: "sms",
          countries: ["SE"],
          prefixes: [],
          carriers: [
            { name: "second", weight: 3 },
            { name: "first", weight: 0 },
          ],
          senders: ["SHOP"],
        },
        { channel: "sms", countries: [], prefixes: [], carriers: [{ name: "first", weight: 0 }], senders: [] },
      ],
      workflows: [],
      failing: [],
    });
    expect((await set([])).out).toMatch(/no routes for sms now/);
  });

  it.each([
    ["no list", {}, "--file must hold a JSON list of routes"],
    [
      "an unknown field",
      [{ carrier: "first" }],
      "Route 1 in --file may have countries, prefixes, carriers, senders and nothing besides.",
    ],
    [
      "an unknown carrier",
      [{ carriers: [{ name: "third" }] }],
      "Route 1 in --file, carriers, entry 1, must name a carrier: choose among first, second",
    ],
    ["a sender that is none", [{ senders: ["<b>"] }], "Route 1 in --file, senders, entry 1, must be 1 to 11 ASCII letters"],
  ])("a file with %s is refused, and nothing changes", async (_, routes, sentence) => {
    const { code, err } = await set(routes);
    expect(code).toBe(1);
    expect(err).toContain(sentence);
    expect((await routing("show", "--json")).json()).toEqual({ routes: [], workflows: [], failing: [] });
  });

  it("workflow sets over which channels a code goes again, and show and explain print it", async () => {
    const workflow = (then: string, channel = "sms") => routing("workflow", "--channel", channel, "--then", then);
    env.LATCHKEY_VOICE_URL = env
      .LATCHKEY_SMS_URL!.split(",")[0]!
      .replace("#first", "#caller")
      .replace("gateway.json", "voice.json");
    fileOf("voice.json", gateway.replace('"sms"', '"voice"'));
    expect(await workflow("voice:90s")).toMatchObject({
      code: 0,
      out: "A code of the app shop that went by sms goes again by voice after 90s, unless it was used.\n",
    });
    expect((await routing("show")).out).toContain("A code that went by sms goes again by voice after 90s.");
    expect((await routing("show", "--json")).json()).toMatchObject({
      workflows: [{ channel: "sms", steps: [{ channel: "voice", after_seconds: 90 }] }],
    });
    expect((await routing("explain", "+46701740605")).out).toContain("If the code does not come back: voice after 90s.");
    for (const [then, sentence] of [
      ["voice", "--then must list channels with times, such as whatsapp:30s,voice:1m."],
      ["voice:soon", "--then must be a duration such as 30s"],
      ["email:30s", "--then, entry 1, must be another channel of the app that reaches the same contact: choose among "],
    ] as const) {
      const refusal = await workflow(then);
      expect(refusal.code).toBe(1);
      expect(refusal.err).toContain(sentence);
    }
    expect((await routing("show")).out).toContain("voice after 90s");
    expect((await workflow("")).out).toMatch(/not sent again by itself/);
    expect((await routing("show", "--json")).json()).toMatchObject({ workflows: [] });
  });

  it("explain names route, carriers and sender, and what is learned about the carriers in the country", async () => {
    await set([
      { countries: ["US"], senders: ["SHOP", "+14155550132"] },
      {
        carriers: [
          { name: "first", weight: 1 },
          { name: "second", weight: 3 },
        ],
        senders: ["SHOP"],
      },
    ]);
    expect((await routing("explain", "+14155550132")).out.split("\n")).toEqual([
      "Route 1 of the app shop matches sms to US.",
      "1. first: first",
      "2. second: if the others do not take the message",
      "Sender: +14155550132; US takes no names as senders.",
      "",
    ]);
    expect((await routing("explain", "+46701740605")).out).toContain(
      "1. first: first for 25 %\n2. second: first for 75 %\nSender: SHOP; SE takes names",
    );
    await loseCodes();
    const failed = (await routing("explain", "+46701740605")).out;
    expect(failed).toContain(
      "1. second: first\n2. first: if the others do not take the message; failing since 2026-01-15T12:02:00.000Z",
    );
    expect((await routing("explain", "+4915112345678", "--json")).json()).toMatchObject({
      channel: "sms",
      country: "DE",
      route: 2,
      carriers: [
        { name: "first", first_for_percent: 25, failing_since: null },
        { name: "second", first_for_percent: 75, failing_since: null },
      ],
      sender: { sender: "SHOP", country_takes_names: "allowed" },
    });
    expect((await routing("show")).out).toContain("Failing since 2026-01-15T12:02:00.000Z: sms to SE by first.");
    expect((await routing("explain", "ada@example.com")).out).toMatch(/^No route of the app shop matches email/);
  });
});
