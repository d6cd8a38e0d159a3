import { describe, expect, test } from "vitest";
import type { DeliveryReport } from "../../../src/delivery/provider.js";
import type { SmppOptions } from "../../../src/delivery/providers/smpp.js";
import { message } from "../fixtures.js";
import { type CenterOptions, status } from "./smpp-center.js";
import { center, smpp, useCenters } from "./smpp-harness.js";
import { type Deliver, messageState, networkErrorCode, receiptedMessageId } from "./smpp-pdu.js";

useCenters();

/** A center with a bound session whose reports are kept. */
async function bound(options: CenterOptions = {}, change: Partial<SmppOptions> = {}) {
  const started = await center(options);
  const provider = smpp(started.port, change);
  const reports: DeliveryReport[] = [];
  provider.onReports(async (arrived) => void reports.push(...arrived));
  await provider.check();
  const deliver = async (receipt: Deliver) => (await started.deliver(receipt)).status;
  return { ...started, provider, reports, deliver };
}

const text = (id: string, stat: string, err = "000") =>
  `id:${id} sub:001 dlvrd:001 submit date:2601051000 done date:2601051001 stat:${stat} err:${err} text:048213 is your`;

describe("a receipt", () => {
  test.each([
    ["DELIVRD", 2, "delivered", ""],
    ["EXPIRED", 3, "expired", "EXPIRED, error 034"],
    ["DELETED", 4, "failed", "DELETED, error 034"],
    ["UNDELIV", 5, "undelivered", "UNDELIVERABLE, error 034"],
    ["ACCEPTD", 6, "sent", ""],
    ["UNKNOWN", 7, "undelivered", "UNKNOWN, error 034"],
    ["REJECTD", 8, "failed", "REJECTED, error 034"],
    ["ENROUTE", 1, "sent", ""],
  ] as const)("with stat:%s or message_state %i says %s", async (stat, state, reported, cause) => {
    const { deliver, reports } = await bound();
    expect(await deliver({ text: text("m0", stat, "034") })).toBe(status.ok);
    const tlvs = [receiptedMessageId("m0"), messageState(state), networkErrorCode(34)];
    expect(await deliver({ text: "", tlvs })).toBe(status.ok);
    const expected = { providerMessageId: "m0", status: reported };
    expect(reports).toEqual([
      { ...expected, cause },
      { ...expected, cause: cause.replace("034", "34") },
    ]);
  });

  test("is read from its fields first, since texts have no standard form", async () => {
    const { deliver, reports } = await bound();
    await deliver({ text: text("other", "UNDELIV"), tlvs: [receiptedMessageId("m7"), messageState(2)] });
    await deliver({ text: text("other", "DELIVRD"), tlvs: [receiptedMessageId("m8")] });
    expect(reports.map(({ providerMessageId, status: reported }) => [providerMessageId, reported])).toEqual([
      ["m7", "delivered"],
      ["m8", "delivered"],
    ]);
  });

  test("is recognized by its fields if the center sets no receipt bit", async () => {
    const { deliver, reports } = await bound();
    await deliver({ esmClass: 0, tlvs: [receiptedMessageId("m0"), messageState(2)] });
    expect(reports.map(({ providerMessageId }) => providerMessageId)).toEqual(["m0"]);
  });

  test.each([
    ["an id with characters that GSM 03.38 has elsewhere", "a_b@c$d-E.9", 0],
    ["Latin-1", "0a1b-2c", 3],
    ["ASCII", "0a1b_2c", 1],
  ])("keeps %s", async (_name, id, dataCoding) => {
    const { deliver, reports } = await bound();
    await deliver({ dataCoding, text: text(id, "DELIVRD") });
    expect(reports.map(({ providerMessageId }) => providerMessageId)).toEqual([id]);
  });

  test("is not misled by the message that it repeats", async () => {
    const { deliver, reports } = await bound();
    await deliver({ text: "id:m1 stat:UNDELIV err:001 text:id:m2 stat:DELIVRD" });
    await deliver({ text: "id:m1 err:001 text:stat:DELIVRD" });
    expect(reports.map(({ providerMessageId, status: reported }) => [providerMessageId, reported])).toEqual([
      ["m1", "undelivered"],
    ]);
  });

  test.each([
    ["decimal", "0000002A", "42", "42"],
    ["decimal", "2a", "0042", "42"],
    ["hex", "42", "2A", "2a"],
    ["hex", "0042", "0000002a", "2a"],
    ["decimal", "MSG-0A", "MSG-0A", "MSG-0A"],
    ["hex", "MSG-0A", "MSG-0A", "MSG-0A"],
  ] as const)("receipt_id=%s: %s in the answer is %s in the receipt", async (receiptId, answered, receipted, known) => {
    const { provider, deliver, reports } = await bound({ react: () => ({ messageId: answered }) }, { receiptId });
    expect(await provider.send(message("sms"))).toMatchObject({ providerMessageId: known });
    await deliver({ text: text(receipted, "DELIVRD") });
    await deliver({ tlvs: [receiptedMessageId(answered), messageState(2)] });
    expect(reports.map(({ providerMessageId }) => providerMessageId)).toEqual([known, known]);
  });

  test("is not acknowledged before its report was taken", async () => {
    const started = await center();
    const provider = smpp(started.port);
    let take = (): void => {};
    const taken = new Promise<void>((resolve) => {
      take = resolve;
    });
    provider.onReports(() => taken);
    await provider.check();
    const acknowledged: string[] = [];
    const delivering = started.deliver({ text: text("m0", "DELIVRD") }).then(() => acknowledged.push("receipt"));
    await started.request(0x15);
    expect(acknowledged).toEqual([]);
    take();
    await delivering;
    expect(acknowledged).toEqual(["receipt"]);
  });

  test("is repeated by the center if its report was not taken, or nothing takes reports", async () => {
    const started = await center();
    const provider = smpp(started.port);
    await provider.check();
    const receipt = { text: text("m0", "DELIVRD") };
    expect((await started.deliver(receipt)).status).toBe(status.temporaryApplicationError);
    let isDown = true;
    const reports: DeliveryReport[] = [];
    provider.onReports(async (arrived) => {
      if (isDown) throw new Error("the database is down");
      reports.push(...arrived);
    });
    expect((await started.deliver(receipt)).status).toBe(status.temporaryApplicationError);
    isDown = false;
    expect((await started.deliver(receipt)).status).toBe(status.ok);
    expect(reports).toHaveLength(1);
  });

  test.each([
    ["a message from a phone", { esmClass: 0, text: "STOP id:m0 stat:DELIVRD" }],
    ["a receipt without an id", { text: "stat:DELIVRD err:000" }],
    ["a receipt without a state", { text: "id:m0 err:000" }],
    ["a receipt with an unknown state", { text: "id:m0 stat:FANCY" }],
    ["an empty receipt", { text: "" }],
  ])("%s is acknowledged and reports nothing", async (_name, deliver) => {
    const started = await bound();
    expect(await started.deliver(deliver)).toBe(status.ok);
    expect(started.reports).toEqual([]);
  });
});

describe("a message of several parts", () => {
  const long = { ...message("sms"), text: "x".repeat(400) };
  const states = (reports: readonly DeliveryReport[]) =>
    reports.map(({ providerMessageId, status: reported }) => [providerMessageId, reported]);

  test("is delivered when all its parts are, in any order", async () => {
    const { provider, deliver, reports } = await bound();
    expect(await provider.send(long)).toMatchObject({ providerMessageId: "m0", segments: 3 });
    for (const id of ["m2", "m0", "m2"]) await deliver({ text: text(id, "DELIVRD") });
    expect(reports).toEqual([]);
    await deliver({ text: text("m1", "DELIVRD") });
    expect(states(reports)).toEqual([["m0", "delivered"]]);
  });

  test("is undelivered when one of them is", async () => {
    const { provider, deliver, reports } = await bound();
    await provider.send(long);
    await deliver({ text: text("m0", "DELIVRD") });
    await deliver({ text: text("m1", "UNDELIV", "011") });
    await deliver({ text: text("m2", "DELIVRD") });
    expect(states(reports)).toEqual([["m0", "undelivered"]]);
    expect(reports[0]?.cause).toBe("UNDELIVERABLE, error 011");
  });

  test("is not delivered by the receipt of a part that is faster than the answer to the next", async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const started = await bound({ react: (_submit, index) => (index === 2 ? { answerAfter: released } : {}) });
    const sending = started.provider.send(long);
    await started.until(() => started.submits.length === 3);
    const delivering = started.deliver({ text: text("m0", "DELIVRD") });
    release();
    await sending;
    expect(await delivering).toBe(status.ok);
    expect(started.reports).toEqual([]);
    for (const id of ["m1", "m2"]) await started.deliver({ text: text(id, "DELIVRD") });
    expect(states(started.reports)).toEqual([["m0", "delivered"]]);
  });

  test("is reported again if the report of its last part was not taken", async () => {
    const started = await center();
    const provider = smpp(started.port);
    const answers = [false, true];
    const reports: DeliveryReport[] = [];
    provider.onReports(async (arrived) => {
      if (answers.shift() === false) throw new Error("the database is down");
      reports.push(...arrived);
    });
    await provider.send({ ...long, text: "x".repeat(200) });
    const statuses: number[] = [];
    for (const id of ["m0", "m1", "m1"]) statuses.push((await started.deliver({ text: text(id, "DELIVRD") })).status);
    expect(statuses).toEqual([status.ok, status.temporaryApplicationError, status.ok]);
    expect(states(reports)).toEqual([["m0", "delivered"]]);
  });
});

describe("a message center that floods", () => {
  const flood = 5_000;

  test("gets its receipts taken 2,000 at a time, and all of them in the end", async () => {
    const started = await center();
    const provider = smpp(started.port);
    const waiting: (() => void)[] = [];
    let taken = 0;
    let isHeld = true;
    provider.onReports(async () => {
      taken += 1;
      if (isHeld) await new Promise<void>((resolve) => waiting.push(resolve));
    });
    await provider.check();
    const delivered = Array.from({ length: flood }, () => started.deliver({ text: text("m0", "DELIVRD") }));
    await expect.poll(() => taken, { timeout: 20_000 }).toBe(2_000);
    // Nothing more is read, however often the process gets a turn.
    for (let turn = 0; turn < 1_000; turn += 1) await new Promise(setImmediate);
    expect(taken).toBe(2_000);
    isHeld = false;
    for (const go of waiting) go();
    expect(new Set((await Promise.all(delivered)).map((answer) => answer.status))).toEqual(new Set([status.ok]));
    expect(taken).toBe(flood);
  });

  test("leaves the process its turns", async () => {
    const started = await center();
    const provider = smpp(started.port);
    let [inTurn, most] = [0, 0];
    provider.onReports(async () => {
      if (inTurn === 0) setImmediate(() => ([inTurn, most] = [0, Math.max(most, inTurn)]));
      inTurn += 1;
    });
    await provider.check();
    await Promise.all(Array.from({ length: flood }, () => started.deliver({ text: text("m0", "DELIVRD") })));
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThanOrEqual(200);
  });
});
