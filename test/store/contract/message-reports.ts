import { expect, it } from "vitest";
import { done, hour, issue, minute, putOff, type Scene, second, t0, times, endedTry as tryOf } from "./fixtures.js";
import { append, endedTry, messageOf, nextTry, reportOf } from "./message-fixtures.js";

/** What carriers report. */
export function messageReports(scene: Scene): void {
  it("a report moves its message, named by our reference or by the carrier's id, and returns it", async () => {
    const { store } = scene;
    const [a, b] = [endedTry(), endedTry({ providerMessageId: "SM7" })];
    await append(store, a, b);
    const delivered = { status: "delivered", deliveredAt: t0 + 5 * second, cause: "" };
    expect(
      await store.messages.report([reportOf(a), reportOf(b, { reference: null, providerMessageId: "SM7" })]),
    ).toMatchObject([
      { messageId: a.messageId, ...delivered },
      { messageId: b.messageId, ...delivered },
    ]);
    for (const one of [a, b]) expect(await messageOf(store, one)).toMatchObject(delivered);
  });

  it("a repeated report changes nothing and returns null, as one of an unknown message does", async () => {
    const { store } = scene;
    const sent = endedTry();
    await append(store, sent);
    await store.messages.report([reportOf(sent)]);
    const before = await messageOf(store, sent);
    const again = reportOf(sent, { reportedAt: t0 + hour });
    expect(await store.messages.report([again, reportOf(endedTry())])).toEqual([null, null]);
    expect(await messageOf(store, sent)).toEqual(before);
  });

  it("a message moves forward only: a late arrival counts after a failure, a failure after an arrival does not", async () => {
    const { store } = scene;
    const [late, early] = [endedTry(), endedTry()];
    await append(store, late, early);
    const failure = { status: "undelivered", cause: "absent subscriber" } as const;
    await store.messages.report([reportOf(late, failure), reportOf(early)]);
    expect(await messageOf(store, late)).toMatchObject({ status: "undelivered", cause: "absent subscriber" });
    const [second_, third] = await store.messages.report([reportOf(late), reportOf(early, failure)]);
    expect(second_).toMatchObject({ status: "delivered", cause: "" });
    expect(third).toBeNull();
    expect(await messageOf(store, early)).toMatchObject({ status: "delivered", cause: "" });
    expect(await store.messages.report([reportOf(early, { status: "sent" })])).toEqual([null]);
  });

  it("a failure counts only if the last carrier reports it about its last try; an arrival counts from each", async () => {
    const { store } = scene;
    const first = endedTry({ status: "queued", ended: { provider: "one", result: "unknown" } });
    const sent = nextTry(first, { ended: { provider: "two", endedAt: t0 + minute }, providerMessageId: "T2" });
    await append(store, first, sent);
    const failure = { status: "failed", cause: "no" } as const;
    const ignored = [reportOf(first, failure), reportOf(sent, { ...failure, providerMessageId: "T1" })];
    expect(await store.messages.report(ignored)).toEqual([null, null]);
    expect(await messageOf(store, sent)).toMatchObject({ status: "sent", provider: "two", providerMessageId: "T2" });
    await store.messages.report([reportOf(first, { providerMessageId: "O1" })]);
    expect(await messageOf(store, sent)).toMatchObject({ status: "delivered", provider: "one", providerMessageId: "O1" });
  });

  it("a report fills in id, segments and price that were not known, and replaces none", async () => {
    const { store } = scene;
    const sent = endedTry();
    await append(store, sent);
    const price = { amount: "0.05", currency: "EUR" };
    const known = { providerMessageId: "SM1", segments: 3, price };
    expect(await store.messages.report([reportOf(sent, { status: "sent", ...known })])).toMatchObject([known]);
    const other = { providerMessageId: "SM2", segments: 4, price: { amount: "9", currency: "EUR" } };
    await store.messages.report([reportOf(sent, other)]);
    expect(await messageOf(store, sent)).toMatchObject({ status: "delivered", ...known });
  });

  it("a report that comes first waits for its message, by reference and by id", async () => {
    const { store } = scene;
    const [a, b] = [endedTry(), endedTry({ providerMessageId: "SM9" })];
    const early = [reportOf(a), reportOf(b, { reference: null, providerMessageId: "SM9" })];
    for (let i = 0; i < 2; i += 1) expect(await store.messages.report(early)).toEqual([null, null]);
    await append(store, a, b);
    for (const one of [a, b]) {
      expect(await messageOf(store, one)).toMatchObject({ status: "delivered", deliveredAt: t0 + 5 * second });
    }
    expect(await store.messages.sweep({ now: t0 + 2 * hour, before: 0, limit: 10 }), "waiting reports").toBe(0);
  });

  it("a failure of a message that is still queued waits for the try that it is about", async () => {
    const { store } = scene;
    const first = endedTry({ status: "queued", ended: { result: "temporary" } });
    await append(store, first);
    expect(await store.messages.report([reportOf(first, { status: "undelivered", cause: "absent" })])).toEqual([null]);
    expect(await messageOf(store, first)).toMatchObject({ status: "queued" });
    await append(store, nextTry(first, { ended: { endedAt: t0 + minute } }));
    expect(await messageOf(store, first)).toMatchObject({ status: "undelivered", cause: "absent" });
  });

  it.each([
    ["after", "sent"],
    ["after", "delivered"],
    ["before", "sent"],
    ["before", "delivered"],
  ] as const)(
    "a message that is still queued is not sent again once a report that came %s its try says %s",
    async (when, status) => {
      const { store } = scene;
      await issue(store, { expiresAt: t0 + minute });
      const [message] = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
      const unanswered = tryOf(message!, "one", "temporary");
      const ended = { ...unanswered, ended: { ...unanswered.ended, result: "unknown" as const } };
      const report = () => store.messages.report([reportOf(ended, { status })]);
      if (when === "before") await report();
      await store.outbox.settle([{ ...putOff(message!, t0 + second), ended }]);
      if (when === "after") await report();
      expect(await messageOf(store, ended)).toMatchObject({ status, tries: [ended.ended] });
      const before = await messageOf(store, ended);
      const lapsed = { provider: "", result: "temporary", endedAt: t0, detail: "its challenge ended" } as const;
      for (const now of [t0 + second, t0 + hour]) {
        const [again] = await store.outbox.claim({ now, leaseMs: minute, limit: 10 });
        expect(again).toMatchObject({ outboxId: message!.outboxId, delivery: null });
        if (now === t0 + hour) await store.outbox.settle([{ ...done(again!), lapsed }]);
      }
      expect(await store.outbox.nextDueAt()).toBeNull();
      expect(await messageOf(store, ended)).toEqual(before);
    },
  );

  it("a message is sent again after a report of a failure, because the report may be about an earlier try", async () => {
    const { store } = scene;
    const { challengeId } = await issue(store);
    const [message] = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
    const ended = tryOf(message!, "one", "temporary");
    await store.outbox.settle([{ ...putOff(message!, t0 + second), ended }]);
    await store.messages.report([reportOf(ended, { status: "undelivered", cause: "absent" })]);
    const [again] = await store.outbox.claim({ now: t0 + second, leaseMs: minute, limit: 10 });
    expect(again?.delivery).toMatchObject({ challengeId });
  });

  it("of each carrier at most 10,000 reports wait: beyond that the oldest are dropped, and none of another carrier", async () => {
    const { store } = scene;
    const [oldest, newest, other] = [endedTry(), endedTry(), endedTry({ ended: { provider: "two" } })];
    const filling = (n: number) => reportOf(oldest, { reference: `filling-${n}`, reportedAt: t0 + second });
    await store.messages.report([reportOf(other, { reportedAt: t0 }), reportOf(oldest, { reportedAt: t0 })]);
    for (let n = 0; n < 9_999; n += 1_111) await store.messages.report(times(1_111, (i) => filling(n + i)));
    await store.messages.report([reportOf(newest, { reportedAt: t0 + minute })]);
    await append(store, oldest, newest, other);
    for (const [one, status] of [
      [oldest, "sent"],
      [newest, "delivered"],
      [other, "delivered"],
    ] as const)
      expect(await messageOf(store, one)).toMatchObject({ status });
    // The newest has left 8,999.
    expect(await store.messages.sweep({ now: t0 + 2 * hour, before: 0, limit: 20_000 })).toBe(8_999);
  });

  it("a report waits for an hour at most", async () => {
    const { store } = scene;
    const [kept, swept] = [endedTry(), endedTry()];
    await store.messages.report([reportOf(kept, { reportedAt: t0 + 1 }), reportOf(swept, { reportedAt: t0 })]);
    expect(await store.messages.sweep({ now: t0 + hour, before: 0, limit: 10 })).toBe(1);
    await append(store, kept, swept);
    expect(await messageOf(store, kept)).toMatchObject({ status: "delivered" });
    expect(await messageOf(store, swept)).toMatchObject({ status: "sent" });
  });

  it("no report is lost that races the append of its message", async () => {
    const { store } = scene;
    for (let round = 0; round < 5; round += 1) {
      const sent = times(20, (n) => endedTry({ providerMessageId: n % 2 === 0 ? `race-${round}-${n}` : null }));
      const report = (one: (typeof sent)[number]) =>
        store.messages.report([
          one.providerMessageId === null
            ? reportOf(one)
            : reportOf(one, { reference: null, providerMessageId: one.providerMessageId }),
        ]);
      await Promise.all(
        sent.flatMap((one, n) => (n % 3 === 0 ? [report(one), append(store, one)] : [append(store, one), report(one)])),
      );
      for (const one of sent) expect(await messageOf(store, one)).toMatchObject({ status: "delivered" });
    }
  });

  it("of 20 racing reports of one message one changes it", async () => {
    const { store } = scene;
    const sent = endedTry();
    await append(store, sent);
    const answers = await Promise.all(times(20, () => store.messages.report([reportOf(sent)])));
    expect(answers.flat().filter((one) => one !== null)).toHaveLength(1);
  });
}
