import { describe, expect, test } from "vitest";
import { createLearnedRoutes } from "../../src/delivery/learned-routes.js";
import { createRouting } from "../../src/delivery/routing.js";
import type { EpochMs } from "../../src/model/time.js";
import type { Store } from "../../src/store/port/store.js";
import { storeEngines } from "../apps/stores.js";
import { bytes, expectKind, issue, minute, redemptionOf, second, t0, times } from "../store/contract/fixtures.js";
import { append, endedTry } from "../store/contract/message-fixtures.js";
import { createFakeLog, createFakeProvider, delivery } from "./fixtures.js";

const numbers = { SE: "+4670174060", DE: "+4915123456" };
type Country = keyof typeof numbers;

/** Two carriers, several processes on one database, and people who ask for codes and enter those that arrive. */
function populationOn(stores: readonly Store[]) {
  let now = t0;
  let made = 0;
  const log = createFakeLog();
  const providers = [createFakeProvider("first"), createFakeProvider("second")];
  /** Carriers that take messages to a country and lose them. */
  const broken = new Set<string>();
  const processes = stores.map((store) => {
    const learned = createLearnedRoutes({ store, clock: () => now, log });
    const carriersOf = createRouting({
      routingOf: () => [],
      carriersOf: () => providers,
      ofDeployment: () => providers,
      learned,
    });
    return { store, learned, carriersOf };
  });
  const due: { readonly at: EpochMs; readonly challengeId: string }[] = [];

  /** A person requests a code. If it arrives, a person enters it after 20 s; one who does not care never does. */
  async function request(country: Country, { network = `network ${made}`, enters = true } = {}): Promise<string> {
    const { store, carriersOf } = processes[made % processes.length]!;
    made += 1;
    const contact = { kind: "phone", value: `${numbers[country]}${String(made).padStart(4, "0")}` } as const;
    const { challengeId } = await issue(store, { contact, requesterKey: bytes(network) }, { now });
    const [carrier] = await carriersOf(delivery({ channel: "sms", contact }), made);
    const message = { challengeId, channel: "sms", country, queuedAt: now } as const;
    await append(store, endedTry({ message, ended: { provider: carrier!.name, endedAt: now } }));
    const arrives = !broken.has(`${carrier!.name} ${country}`);
    if (arrives && enters) due.push({ at: now + 20 * second, challengeId });
    return carrier!.name;
  }

  /** Time goes by: codes are entered, and each process looks every 10 s. */
  async function pass(ms: number): Promise<void> {
    for (const end = now + ms; now < end; ) {
      now += 10 * second;
      for (const { challengeId } of due.filter(({ at }) => at <= now)) {
        const change = redemptionOf(challengeId, { now, newSession: null });
        expectKind(await stores[0]!.challenges.redeem(change), "redeemed");
      }
      due.splice(0, due.length, ...due.filter(({ at }) => at > now));
      for (const { learned } of processes) await learned.look();
    }
  }

  /** As many people request codes, one each 10 s. Returns how many of them each carrier got first. */
  async function people(count: number, country: Country, how: { readonly network?: string; readonly enters?: boolean } = {}) {
    const got: Record<string, number> = { first: 0, second: 0 };
    for (let n = 0; n < count; n += 1) {
      got[await request(country, how)]! += 1;
      await pass(10 * second);
    }
    return got;
  }

  const failing = () =>
    processes.map(({ learned }) => learned.failing().map(({ provider, country }) => `${provider} ${country}`));
  return { request, pass, people, failing, broken, log };
}

describe.each(storeEngines())("routes on $engine", ({ open }) => {
  test("a carrier whose codes arrive in one country only is drained there within 20 judged sends, summed over three processes", async () => {
    const { people, pass, failing, broken, log } = populationOn(await open(3));
    await people(5, "SE");
    broken.add("first SE");
    // Twelve messages are taken in the two minutes before the first one is judged.
    const before = await people(20, "SE");
    expect(before).toEqual({ first: 20, second: 0 });
    await pass(2 * minute);
    expect(failing()).toEqual(times(3, () => ["first SE"]));
    expect((await people(5, "SE")).second).toBeGreaterThanOrEqual(4);
    expect(await people(5, "DE")).toEqual({ first: 5, second: 0 });
    const failures = log.lines.filter(({ level }) => level === "error");
    expect(failures).toEqual([
      {
        level: "error",
        fields: { provider: "first", channel: "sms", country: "SE" },
        message: expect.stringMatching(/^route failing/),
      },
    ]);
  });

  test("a drained carrier gets a few probes of all processes together, and all messages again when its codes arrive again", async () => {
    const { people, pass, failing, broken } = populationOn(await open(3));
    broken.add("first SE");
    await people(20, "SE");
    await pass(2 * minute);
    const hour = await people(360, "SE");
    expect(hour.first).toBeGreaterThan(2);
    expect(hour.first).toBeLessThan(15);
    broken.clear();
    await people(180, "SE");
    expect(failing()).toEqual([[], [], []]);
    expect(await people(20, "SE")).toEqual({ first: 20, second: 0 });
  });

  test("a stranger alone drains no route, and keeps no drained one from coming back by asking as often as all others", async () => {
    const { people, request, pass, failing, broken } = populationOn(await open(1));
    for (let n = 0; n < 60; n += 1) await request("SE", { network: "a stranger", enters: false });
    await pass(5 * minute);
    expect(failing()).toEqual([[]]);
    broken.add("first SE");
    await people(20, "SE");
    await pass(2 * minute);
    expect(failing()).toEqual([["first SE"]]);
    broken.clear();
    for (let n = 0; n < 360 && failing()[0]!.length > 0; n += 1) {
      // In no regular order, as people do.
      const isFirst = bytes(`order ${n}`)[0]! < 128;
      if (isFirst) await request("SE", { network: "a stranger", enters: false });
      await people(1, "SE");
      if (!isFirst) await request("SE", { network: "a stranger", enters: false });
    }
    expect(failing()).toEqual([[]]);
  });

  test("if all carriers of a country fail, messages use them in their order", async () => {
    const { people, pass, failing, broken } = populationOn(await open(1));
    broken.add("first SE").add("second SE");
    await people(20, "SE");
    await pass(2 * minute);
    await people(20, "SE");
    await pass(2 * minute);
    expect(failing()).toEqual([["first SE", "second SE"]]);
    expect((await people(20, "SE")).first).toBeGreaterThan(10);
  });
});
