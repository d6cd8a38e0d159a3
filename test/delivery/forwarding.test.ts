import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { deleteDeliveryReportHook, putDeliveryReportHook } from "../../src/apps/delivery-report-hook.js";
import { createHookSecrets } from "../../src/crypto/hook-secrets.js";
import { createSealer } from "../../src/crypto/sealing.js";
import type { CountedEnd } from "../../src/delivery/deliver.js";
import { type ForwardingDeps, type ForwardResult, startForwarding } from "../../src/delivery/forwarding.js";
import type { Provider } from "../../src/delivery/provider.js";
import { createReportTaking } from "../../src/delivery/take-reports.js";
import type { ReportFormat } from "../../src/model/app.js";
import { createOutbound } from "../../src/outbound/outbound.js";
import type { EndedTry } from "../../src/store/port/messages.js";
import type { Store } from "../../src/store/port/store.js";
import { type HookServer, json, startHookServer, verifyQuestion } from "../accounts/hook-server.js";
import { storeEngines } from "../apps/stores.js";
import { admin, deploymentWith, refusal } from "../apps/support.js";
import { ringOf } from "../crypto/fixtures.js";
import { newApp } from "../store/contract/directory-fixtures.js";
import { appId, day, hour, minute, second, signIn, t0, times } from "../store/contract/fixtures.js";
import { append, endedTry } from "../store/contract/message-fixtures.js";
import { keptLog } from "../support/app.js";
import { createFakeTime, type FakeTime } from "./fake-time.js";

/** The request that docs/delivery.md shows. */
const page = readFileSync(join(import.meta.dirname, "../../docs/delivery.md"), "utf8");
const [documented, documentedBeem] = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, text]) => JSON.parse(text!));

const status =
  (code: number): Parameters<HookServer["answer"]>[0] =>
  (response) =>
    void response.writeHead(code, { location: "/elsewhere" }).end();
const silence: Parameters<HookServer["answer"]>[0] = () => {};

describe.each(storeEngines())("delivery reports to apps on $engine", ({ open }) => {
  let store: Store;
  let other: Store;
  let time: FakeTime;
  let log: ReturnType<typeof keptLog>;
  let hook: HookServer;
  let hooked: Set<string>;
  let results: ForwardResult[];
  let undelivered: CountedEnd[];
  const destinations = new Map<string, string>();
  const stops: (() => Promise<void>)[] = [];
  const sealer = createSealer(ringOf("m1"));

  beforeEach(async () => {
    [store, other] = (await open(2)) as [Store, Store];
    time = createFakeTime(t0 + minute);
    log = keptLog();
    hook = await startHookServer();
    hooked = new Set();
    results = [];
    undelivered = [];
  });
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
    hook.stop();
    await Promise.all([store.close(), other.close()]);
    expect(JSON.stringify(log.lines)).not.toMatch(/whsec_|\/registration/);
  });

  const appsDeps = (allowed: readonly string[]) => ({
    clock: time.clock,
    store,
    directory: { refresh: async () => {} },
    deployment: deploymentWith(),
    hookSecrets: createHookSecrets({ store, sealer }),
    outbound: createOutbound({ allowed }),
    log,
  });

  /** Sets the hook of an app. Returns the secret. */
  async function put(url = hook.url, app = appId, allowed = ["127.0.0.1"], format?: ReportFormat): Promise<string> {
    const { secret } = await putDeliveryReportHook(appsDeps(allowed), admin, { appId: app, url, format });
    hooked.add(app);
    return secret;
  }

  /** What one process does for the apps. Posts that it is killed in are never settled. */
  function startProcess(on: Store, changes: Partial<ForwardingDeps> = {}): () => Promise<void> {
    const secrets = createHookSecrets({ store: on, sealer });
    const { stop } = startForwarding({
      store: on,
      clock: time.clock,
      timers: time.timers,
      log,
      random: () => 0.5,
      apps: () => hooked,
      async hookOf(app) {
        const found = (await on.apps.findApp(app))?.deliveryReportHook ?? null;
        return found && { url: found.url, format: found.format ?? "latchkey", secret: await secrets.find(found.keyId) };
      },
      destinationOf: async (challengeId) => destinations.get(challengeId) ?? null,
      send: createOutbound({ allowed: ["127.0.0.1"] }).send,
      onResult: (result, count) => results.push(...times(count, () => result)),
      ...changes,
    });
    stops.push(stop);
    return stop;
  }

  /** Goes on, 100 ms by 100 ms, until something is so. */
  async function until(what: string, isSo: () => boolean): Promise<void> {
    for (let turn = 0; turn < 2_000; turn += 1) {
      if (isSo()) return;
      await time.advance(100);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    throw new Error(`waited in vain until ${what}; results: ${results.join(" ")}`);
  }
  const heard = (count: number) => until(`the app heard of ${count}`, () => hook.questions.length >= count);
  const ended = (count: number) => until(`${count} posts ended`, () => results.length >= count);
  const statuses = () => hook.questions.map(({ body }) => body.data.status);

  async function sent(changes: Parameters<typeof endedTry>[0] = {}): Promise<EndedTry> {
    const one = endedTry(changes);
    await append(store, one);
    return one;
  }

  const carrier: Provider = {
    name: "one",
    channels: ["sms"],
    send: async () => ({ kind: "sent", detail: "" }),
    close: async () => {},
    async readReports({ headers, body }) {
      if (headers.signature !== "right") return { kind: "forged" };
      return { kind: "reports", reports: [JSON.parse(body.toString())] };
    },
  };
  /** What the carrier posts about a message. */
  function report(of: EndedTry, news: string, { signature = "right" } = {}) {
    const body = Buffer.from(
      JSON.stringify({ sendKey: of.reference, status: news, cause: news === "delivered" ? "" : "absent" }),
    );
    const onUndelivered = (end: CountedEnd) => undelivered.push(end);
    const deps = { store, clock: time.clock, log, findProvider: async () => carrier, forwardTo: () => hooked, onUndelivered };
    const request = { method: "POST", url: "https://auth.example.com/delivery/reports/one", headers: { signature }, body };
    return createReportTaking(deps)("one", request);
  }

  it("a message that did not arrive is counted once, with its carrier and country", async () => {
    const one = await sent({ message: { country: "SE", channel: "sms" } });
    for (const news of ["undelivered", "undelivered", "delivered"]) expect(await report(one, news)).toBe("taken");
    expect(undelivered).toEqual([{ channel: "sms", country: "SE", status: "undelivered", provider: "one" }]);
  });

  it("each status is posted once, in order, signed with the app's secret, under an id of its own", async () => {
    const secret = await put();
    startProcess(store);
    startProcess(other);
    const { userId } = (await signIn(store)).user;
    const price = { amount: "0.0075", currency: "USD" };
    const one = await sent({ providerMessageId: "SM1", segments: 2, price, message: { userId } });
    const at = time.clock();
    for (const news of ["undelivered", "delivered", "delivered"]) expect(await report(one, news)).toBe("taken");
    await ended(2);
    expect(statuses()).toEqual(["undelivered", "delivered"]);
    const [first, last] = hook.questions;
    expect(verifyQuestion(secret, first!, time.clock())).toEqual({
      type: "message.status_changed",
      timestamp: new Date(at).toISOString(),
      data: {
        message_id: String(one.messageId),
        app_id: appId,
        user_id: userId,
        challenge_id: one.message.challengeId,
        channel: "sms",
        provider: "one",
        provider_message_id: "SM1",
        status: "undelivered",
        cause: "absent",
        masked_destination: one.message.maskedDestination,
        segments: 2,
        price,
      },
    });
    expect(Object.keys(first!.body), "docs/delivery.md").toEqual(Object.keys(documented));
    expect(Object.keys(first!.body.data), "docs/delivery.md").toEqual(Object.keys(documented.data));
    verifyQuestion(secret, last!, time.clock());
    expect(() => verifyQuestion(secret, { ...last!, text: first!.text }, time.clock())).toThrow();
    const ids = hook.questions.map(({ headers }) => headers["webhook-id"]);
    expect(ids).toEqual([`message_${one.messageId}_undelivered`, `message_${one.messageId}_delivered`]);
    expect(results).toEqual(["taken", "taken"]);
    expect(log.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });

  describe("in Beem's shape", () => {
    const pin = { challengeId: "mRBVhS1Uy0O9rRCsqWc7mA", requestId: "99105585-2d54-cb43-bdad-10aca9673b98" };
    const takes = json({ request_id: pin.requestId, successful: "true" });
    beforeEach(() => put(hook.url, appId, ["127.0.0.1"], "beem"));

    it("reports have the pin, the whole number and Beem's word, until the number is forgotten", async () => {
      hook.answer(takes);
      destinations.set(pin.challengeId, "+255701000000");
      startProcess(store);
      const one = await sent({ message: { challengeId: pin.challengeId } });
      await report(one, "undelivered");
      await ended(1);
      destinations.clear();
      await report(one, "delivered");
      await ended(2);
      const body = { request_id: pin.requestId, recipient_id: one.messageId };
      const { maskedDestination } = one.message;
      expect(hook.questions.map(({ body }) => body)).toEqual([
        { ...body, dest_addr: "255701000000", Status: "UNDELIVERED" },
        { ...body, dest_addr: maskedDestination, Status: "DELIVERED" },
      ]);
      expect(Object.keys(hook.questions[0]!.body), "docs/delivery.md").toEqual(Object.keys(documentedBeem));
      expect(results).toEqual(["taken", "taken"]);
    });

    it.each([
      ["true", true, "taken"],
      ["TRUE", "TRUE", "taken"],
      ["false", "false", "failed"],
      ["missing", undefined, "failed"],
    ])("an answer whose successful is %s means that the report is %3$s", async (_, successful, result) => {
      hook.answer(json({ request_id: pin.requestId, successful }));
      startProcess(store);
      await report(await sent({ message: { challengeId: pin.challengeId } }), "delivered");
      await ended(1);
      expect(results).toEqual([result]);
    });

    it("an answer that is not JSON is a failure, and the report comes again", async () => {
      hook.answer(status(200));
      startProcess(store);
      await report(await sent({ message: { challengeId: pin.challengeId } }), "delivered");
      await ended(1);
      hook.answer(takes);
      await ended(2);
      expect(results).toEqual(["failed", "taken"]);
      expect(log.lines).toContainEqual(
        expect.objectContaining({ level: "warn", fields: expect.objectContaining({ why: "not_successful" }) }),
      );
    });
  });

  it("forged and replayed reports, and those that change no status, are not posted", async () => {
    await put();
    startProcess(store);
    const [forged, replayed, last] = [await sent(), await sent(), await sent()];
    expect(await report(forged, "delivered", { signature: "wrong" })).toBe("forged");
    await report(replayed, "delivered");
    await ended(1);
    for (const news of ["delivered", "sent", "undelivered"]) expect(await report(replayed, news)).toBe("taken");
    await report(last, "delivered");
    await ended(2);
    expect(hook.questions.map(({ body }) => body.data.message_id)).toEqual(
      [replayed, last].map((one) => String(one.messageId)),
    );
  });

  it.each([301, 400, 500])(
    "an answer %i is a failure: the same id comes again later, and the next status only after it",
    async (code) => {
      const secret = await put();
      hook.answer(status(code));
      startProcess(store);
      const one = await sent();
      await report(one, "undelivered");
      await report(one, "delivered");
      await ended(1);
      const failedAt = time.clock();
      hook.answer(status(200));
      await ended(3);
      expect(statuses()).toEqual(["undelivered", "undelivered", "delivered"]);
      expect(time.clock() - failedAt).toBeGreaterThanOrEqual(4 * second);
      const [first, again] = hook.questions;
      expect(again!.headers["webhook-id"]).toBe(first!.headers["webhook-id"]);
      verifyQuestion(secret, again!, time.clock());
      const why = { app: appId, why: "status", code: String(code) };
      expect(log.lines.filter(({ level }) => level === "warn")).toMatchObject([{ fields: why }]);
      expect(log.lines.at(-1)).toMatchObject({ level: "info", fields: { app: appId } });
    },
  );

  it("a status that a process was posting when it died is posted by another one when the lease has ended", async () => {
    await put();
    // It never hears an answer, so it never settles, and it claims nothing more.
    let posting = false;
    startProcess(store, {
      apps: () => (posting ? new Set() : hooked),
      send: () => {
        posting = true;
        return new Promise(() => {});
      },
    });
    stops.pop();
    await report(await sent(), "delivered");
    await until("the first process posts", () => posting);
    startProcess(other);
    const claimedAt = time.clock();
    await heard(1);
    expect(time.clock() - claimedAt).toBeGreaterThanOrEqual(minute - 5 * second);
    await ended(1);
    expect(results).toEqual(["taken"]);
  });

  it("a status that the app does not take for a day is given up, logged once, and gone", async () => {
    await put();
    hook.answer(status(503));
    startProcess(store);
    await report(await sent(), "delivered");
    await report(await sent(), "delivered");
    await ended(2);
    time.jump(day - minute);
    const before = results.length;
    await ended(before + 1);
    expect(results).not.toContain("given_up");
    time.jump(2 * minute);
    await until("it is given up", () => results.includes("given_up"));
    expect(results.filter((result) => result === "given_up")).toHaveLength(2);
    const errors = log.lines.filter(({ level }) => level === "error");
    expect(errors).toMatchObject([{ fields: { app: appId, count: 2 } }]);
    hook.answer(status(200));
    const last = await sent();
    await report(last, "delivered");
    await until("the app takes the next one", () => results.at(-1) === "taken");
    expect(hook.questions.at(-1)!.body.data.message_id).toBe(String(last.messageId));
    expect(results.filter((result) => result === "taken")).toHaveLength(1);
  });

  it("a silent app holds no other one back, and is left alone for longer and longer", async () => {
    const silent = await startHookServer();
    silent.answer(silence);
    try {
      await put(silent.url, appId);
      await store.apps.createApp({ app: newApp({ appId: "shop" }), now: t0 });
      await put(hook.url, "shop");
      startProcess(store, { send: createOutboundWithin(100) });
      for (const one of await Promise.all(times(30, () => sent()))) await report(one, "delivered");
      for (const one of await Promise.all(times(30, () => sent({ message: { appId: "shop" } }))))
        await report(one, "delivered");
      await heard(30);
      expect(silent.questions.length).toBeLessThanOrEqual(8);
    } finally {
      silent.stop();
    }
  });

  it("without a hook nothing is stored; without its hook, what waits is deleted", async () => {
    startProcess(store);
    const one = await sent();
    await report(one, "undelivered");
    await put();
    hook.answer(status(500));
    await report(one, "delivered");
    await ended(1);
    expect(statuses()).toEqual(["delivered"]);
    await deleteDeliveryReportHook(appsDeps([]), admin, { appId });
    const apps = [{ appId, max: 9 }];
    expect(await other.forwards.claim({ apps, now: time.clock() + day, leaseMs: 1, limit: 9 })).toEqual([]);
  });

  it("a hook that is replaced gets what waits, signed with its own secret", async () => {
    await put();
    hook.answer(status(401));
    startProcess(store);
    await report(await sent(), "delivered");
    await ended(1);
    const secret = await put(`${hook.url}?v=2`);
    hook.answer(status(200));
    await ended(2);
    verifyQuestion(secret, hook.questions.at(-1)!, time.clock());
  });

  it("loopback is refused when the hook is set, and again when it is called, unless the operator allows it", async () => {
    await expect(put(hook.url, appId, [])).rejects.toEqual(refusal("REQUEST_INVALID", "url"));
    expect((await store.apps.findApp(appId))!.deliveryReportHook).toBeNull();
    await put();
    startProcess(store, { send: createOutbound({ allowed: [] }).send });
    await report(await sent(), "delivered");
    await ended(1);
    expect(results).toEqual(["failed"]);
    expect(hook.questions).toEqual([]);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn", fields: { app: appId } });
  });

  it("a change whose message was deleted is dropped, not posted", async () => {
    await put();
    const old = endedTry({ status: "failed", message: { queuedAt: t0 - 40 * day }, ended: { result: "permanent" } });
    await store.outbox.settle(
      [{ outboxId: old.messageId, tries: 0, retryAt: null, carrier: 0, unknowns: 0, ended: old }],
      new Set([appId]),
    );
    await store.messages.sweep({ now: t0, before: t0 - 30 * day, limit: 10 });
    startProcess(store);
    await ended(1);
    expect(results).toEqual(["dropped"]);
    expect(hook.questions).toEqual([]);
  });

  it("a database that does not answer is logged once, and what waits is posted when it does", async () => {
    await put();
    let down = true;
    const claim: Store["forwards"]["claim"] = (change) =>
      down ? Promise.reject(new Error("the database is away")) : store.forwards.claim(change);
    startProcess({ ...store, forwards: { ...store.forwards, claim } });
    await report(await sent(), "delivered");
    await time.advance(10 * second);
    await until("it is logged", () => log.lines.some(({ level }) => level === "error"));
    down = false;
    await ended(1);
    expect(results).toEqual(["taken"]);
    expect(log.lines.filter(({ level }) => level === "error")).toHaveLength(1);
    expect(time.clock()).toBeLessThan(t0 + hour);
  });

  it("no app with a hook: the database is asked for nothing but the sweep of each minute", async () => {
    const asked: string[] = [];
    const forwards = Object.fromEntries(
      Object.entries(store.forwards).map(([name, run]) => [
        name,
        (...given: never[]) => {
          asked.push(name);
          return (run as (...input: never[]) => Promise<unknown>)(...given);
        },
      ]),
    ) as unknown as Store["forwards"];
    startProcess({ ...store, forwards });
    await until("two minutes have passed", () => time.clock() > t0 + 3 * minute + second);
    expect([...new Set(asked)]).toEqual(["sweep"]);
    expect(asked.length).toBeLessThanOrEqual(3);
  });
});

/** Calls hooks, which may take `timeoutMs`, so that a test need not wait for as long as the service does. */
function createOutboundWithin(timeoutMs: number): ForwardingDeps["send"] {
  const { send } = createOutbound({ allowed: ["127.0.0.1"] });
  return (request) => send({ ...request, timeoutMs });
}
