import { expect, it } from "vitest";
import type { EpochMs } from "../../../src/model/time.js";
import type { Forward } from "../../../src/store/port/forwards.js";
import type { Store } from "../../../src/store/port/store.js";
import { appId, day, email, hour, minute, type Scene, second, signIn, t0, times } from "./fixtures.js";
import { append, endedTry, nextTry, reportOf } from "./message-fixtures.js";

const leaseMs = minute;
const toApp: ReadonlySet<string> = new Set([appId]);

/** New statuses of messages that apps are to hear of. */
export function forwards(scene: Scene): void {
  it("what carriers report of an app's messages waits for it, each status once, with the message", async () => {
    const { store } = scene;
    const sent = endedTry({ providerMessageId: "SM1", segments: 2 });
    await append(store, sent);
    const failure = reportOf(sent, { status: "undelivered", cause: "absent", reportedAt: t0 + second });
    for (let i = 0; i < 2; i += 1) await store.messages.report([failure], toApp);
    const [change, ...rest] = await claim(store);
    expect(rest).toEqual([]);
    expect(change).toMatchObject({ tries: 1, appId, status: "undelivered", cause: "absent", changedAt: t0 + second });
    expect(change!.message).toEqual(await store.messages.get({ messageId: sent.messageId, appId }));
    await finish(store, change!);
    await store.messages.report([failure, reportOf(sent, { status: "sent" })], toApp);
    expect(await claim(store), "repeated and late reports").toEqual([]);
  });

  it("changes of one message come one at a time and in order", async () => {
    const { store } = scene;
    const sent = endedTry();
    await append(store, sent);
    await store.messages.report([reportOf(sent, { status: "undelivered", cause: "absent" }), reportOf(sent)], toApp);
    const [first, ...rest] = await claim(store);
    expect([first!.status, rest]).toEqual(["undelivered", []]);
    await store.forwards.settle([{ ...first!, retryAt: t0 + hour }]);
    expect(await claim(store, { now: t0 + minute }), "while the first one waits").toEqual([]);
    const [again] = await claim(store, { now: t0 + hour });
    expect(again).toMatchObject({ status: "undelivered", cause: "absent", tries: 2, message: { status: "delivered" } });
    await finish(store, again!);
    expect(await claim(store)).toMatchObject([{ status: "delivered", cause: "", tries: 1 }]);
  });

  it("messages that were given up wait for their app, once; those that were sent or are tried again do not", async () => {
    const { store } = scene;
    const expired = endedTry({ status: "expired", ended: { result: "temporary", detail: "too late" } });
    const failed = endedTry({ status: "queued", ended: { result: "temporary", detail: "busy" } });
    const ended = { provider: "two", result: "permanent", detail: "refused", endedAt: t0 + minute } as const;
    const last = nextTry(failed, { status: "failed", ended });
    const lapsing = endedTry({ status: "queued", ended: { result: "temporary" } });
    await appendFor(store, endedTry(), expired, failed, lapsing);
    await appendFor(store, last, last);
    const lapse = { outboxId: lapsing.messageId, tries: 0, retryAt: null, carrier: 0, unknowns: 0, ended: null };
    const lapsed = { provider: "", result: "temporary", endedAt: t0 + hour, detail: "its challenge ended" } as const;
    for (let i = 0; i < 2; i += 1) await store.outbox.settle([{ ...lapse, lapsed }], toApp);
    const changes = await claim(store);
    expect(changes.map(({ message, status, cause, changedAt }) => [message!.messageId, status, cause, changedAt])).toEqual([
      [expired.messageId, "expired", "too late", t0 + second],
      [failed.messageId, "failed", "refused", t0 + minute],
      [lapsing.messageId, "expired", "its challenge ended", t0 + hour],
    ]);
    await finish(store, ...changes);
    await appendFor(store, nextTry(failed, { status: "failed", ended: { ...ended, endedAt: t0 + hour } }));
    expect(await claim(store)).toEqual([]);
  });

  it("a report that waited for its message is forwarded with it", async () => {
    const { store } = scene;
    const sent = endedTry();
    await store.messages.report([reportOf(sent)], toApp);
    expect(await claim(store)).toEqual([]);
    await appendFor(store, sent);
    expect(await claim(store)).toMatchObject([{ status: "delivered", message: { messageId: sent.messageId } }]);
  });

  it("nothing waits for apps that are not named", async () => {
    const { store } = scene;
    const [sent, failed] = [endedTry({ message: { appId: "shop" } }), endedTry({ status: "failed" })];
    await append(store, failed);
    await appendFor(store, sent);
    await store.messages.report([reportOf(sent)], toApp);
    expect(await claim(store, { apps: [appId, "shop"] })).toEqual([]);
  });

  it("a claim takes what is due of the named apps, of each up to its maximum, and leaves the rest", async () => {
    const { store } = scene;
    // Each at a time of its own: the order of those that are due at the same time is not promised.
    const of = (app: string, ...endedAt: readonly number[]) =>
      endedAt.map((after) =>
        endedTry({ status: "failed", message: { appId: app }, ended: { result: "permanent", endedAt: t0 + after } }),
      );
    const all = new Set(["one", "two", "three"]);
    const tries = [...of("one", 0, 2, 4, 6, 8), ...of("two", 1, 3), ...of("three", 5)];
    await store.outbox.settle(tries.map(settlementOf), all);
    const apps = [
      { appId: "one", max: 3 },
      { appId: "two", max: 3 },
      { appId: "none", max: 3 },
    ];
    const shown = async (limit: number, now = t0 + hour) =>
      (await store.forwards.claim({ apps, now, leaseMs, limit })).map((change) => `${change.appId} ${change.changedAt - t0}`);
    expect(await shown(10, t0 - 1), "before they are due").toEqual([]);
    expect(await shown(4)).toEqual(["one 0", "two 1", "one 2", "two 3"]);
    expect(await shown(10)).toEqual(["one 4", "one 6", "one 8"]);
    expect(await shown(10)).toEqual([]);
    expect(await shown(10, t0 + hour + leaseMs), "when the leases have ended").toHaveLength(5);
  });

  it("of two apps the one with more places left comes first, however long the other has waited", async () => {
    const { store } = scene;
    const of = (app: string, endedAt: EpochMs) =>
      endedTry({ status: "failed", message: { appId: app }, ended: { result: "permanent", endedAt } });
    const tries = [of("slow", t0), of("slow", t0 + 1), of("fast", t0 + minute), of("fast", t0 + minute + 1)];
    await store.outbox.settle(tries.map(settlementOf), new Set(["slow", "fast"]));
    const apps = [
      { appId: "slow", max: 1 },
      { appId: "fast", max: 4 },
    ];
    const claimed = async () => (await store.forwards.claim({ apps, now: t0 + hour, leaseMs, limit: 1 }))[0]?.appId;
    expect([await claimed(), await claimed(), await claimed()]).toEqual(["fast", "fast", "slow"]);
  });

  it("a change has one lease at a time, and only that one settles it", async () => {
    const { store } = scene;
    await appendFor(store, endedTry({ status: "failed" }));
    const claims = await Promise.all(times(10, () => claim(store)));
    const [lost, ...rest] = claims.flat();
    expect(rest).toEqual([]);
    const [current] = await claim(store, { now: t0 + day + leaseMs });
    expect(current).toMatchObject({ forwardId: lost!.forwardId, tries: 2 });
    await finish(store, lost!);
    await store.forwards.settle([{ ...lost!, retryAt: t0 }]);
    expect(await claim(store)).toEqual([]);
    await store.forwards.settle([{ ...current!, retryAt: t0 + 3 * day }]);
    expect(await claim(store, { now: t0 + 3 * day })).toMatchObject([{ tries: 3 }]);
  });

  it("erasing a person deletes what waits about their messages, and nothing of them waits again", async () => {
    const { store } = scene;
    const { user } = await signIn(store, email());
    const own = endedTry({ message: { userId: user.userId } });
    const other = endedTry();
    await append(store, own, other);
    await store.messages.report([reportOf(own, { status: "undelivered", cause: "absent" }), reportOf(other)], toApp);
    await store.users.erase({ userId: user.userId, now: t0 });
    await store.messages.report([reportOf(own)], toApp);
    expect((await claim(store)).map(({ message }) => message?.messageId)).toEqual([other.messageId]);
  });

  it("dropping an app's changes leaves those of others", async () => {
    const { store } = scene;
    const shop = endedTry({ status: "failed", message: { appId: "shop" } });
    await store.outbox.settle([shop, endedTry({ status: "failed" })].map(settlementOf), new Set([appId, "shop"]));
    await store.forwards.drop({ appId: "shop" });
    expect(await claim(store, { apps: [appId, "shop"] })).toMatchObject([{ appId }]);
  });

  it("a sweep deletes the oldest changes within its limit, leased ones too, and counts them by app", async () => {
    const { store } = scene;
    const at = (endedAt: EpochMs, app = appId) =>
      endedTry({ status: "failed", message: { appId: app }, ended: { result: "permanent", endedAt } });
    const tries = [at(t0), at(t0 + 1, "shop"), at(t0 + 2), at(t0 + minute)];
    await store.outbox.settle(tries.map(settlementOf), new Set([appId, "shop"]));
    await claim(store, { now: t0 });
    const before = t0 + minute;
    const counts = (swept: Awaited<ReturnType<typeof store.forwards.sweep>>) =>
      Object.fromEntries(swept.map((one) => [one.appId, one.count]));
    expect(counts(await store.forwards.sweep({ before, limit: 2 }))).toEqual({ [appId]: 1, shop: 1 });
    expect(counts(await store.forwards.sweep({ before, limit: 2 }))).toEqual({ [appId]: 1 });
    expect(await store.forwards.sweep({ before, limit: 2 })).toEqual([]);
    expect(await claim(store)).toMatchObject([{ changedAt: t0 + minute }]);
  });

  it("a change whose message was swept has no message", async () => {
    const { store } = scene;
    await appendFor(store, endedTry({ status: "failed", message: { queuedAt: t0 - 31 * day } }));
    expect(await store.messages.sweep({ now: t0, before: t0 - 30 * day, limit: 10 })).toBe(1);
    expect(await claim(store)).toMatchObject([{ status: "failed", message: null }]);
  });
}

function settlementOf(ended: ReturnType<typeof endedTry>) {
  return { outboxId: ended.messageId, tries: 0, retryAt: null, carrier: 0, unknowns: 0, ended };
}

/** Appends tries, one after the other, of messages that the app is to hear of. */
async function appendFor(store: Store, ...tries: readonly ReturnType<typeof endedTry>[]): Promise<void> {
  for (const one of tries) await store.outbox.settle([settlementOf(one)], toApp);
}

function claim(store: Store, { now = t0 + day, apps = [appId] } = {}): Promise<readonly Forward[]> {
  return store.forwards.claim({ apps: apps.map((app) => ({ appId: app, max: 10 })), now, leaseMs, limit: 20 });
}

async function finish(store: Store, ...changes: readonly Forward[]): Promise<void> {
  await store.forwards.settle(changes.map((change) => ({ ...change, retryAt: null })));
}
