import { expect, it } from "vitest";
import type { BudgetCharge, BudgetReturn } from "../../../src/store/port/budgets.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  expectKind,
  expectNothingHappened,
  guardOf,
  hour,
  issue,
  issueOf,
  minute,
  newChallenge,
  redemptionOf,
  type Scene,
  second,
  t0,
  times,
} from "./fixtures.js";

const spend = (store: Store, charges: readonly BudgetCharge[], now: number) => store.budgets.spend({ charges, now });

async function giveBack(store: Store, returns: readonly BudgetReturn[], now: number): Promise<void> {
  const { challengeId } = await issue(store, { purpose: "verify_contact" }, { now });
  expectKind(await store.challenges.redeem(redemptionOf(challengeId, { returns, now })), "redeemed");
}

async function claimed(store: Store) {
  const messages = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
  return messages.map(({ delivery, isMuted }) => [delivery?.challengeId, isMuted]);
}

export function brakes(scene: Scene): void {
  it("a limit of 100 an hour grants 100, and the first unit is free when its minute has left the hour", async () => {
    const { store } = scene;
    const charge = chargeOf("wide", 100);
    for (const n of times(100, Number)) expect(await spend(store, [charge], t0 + n * second)).toBeNull();
    const retryAt = t0 + minute - 1 + hour;
    expect(await spend(store, [charge], t0 + 100 * second)).toEqual({ kind: "limited", retryAt });
    expect(await spend(store, [charge], retryAt - 1)).toEqual({ kind: "limited", retryAt });
    // All 60 units of the first minute are free at once.
    for (const _ of times(60, Number)) expect(await spend(store, [charge], retryAt)).toBeNull();
    expect(await spend(store, [charge], retryAt)).toEqual({ kind: "limited", retryAt: t0 + 2 * minute - 1 + hour });
  });

  it("of 150 racing calls for 100 units 100 are granted", async () => {
    const { store } = scene;
    const charge = chargeOf("wide", 100);
    const outcomes = await Promise.all(times(150, (n) => spend(store, [charge], t0 + n)));
    expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(100);
  });

  it("a return gives back one unit of its sub-window, and nothing if that has none", async () => {
    const { store } = scene;
    const charge = chargeOf("wide", 100);
    for (const n of times(100, Number)) expect(await spend(store, [charge], t0 + n)).toBeNull();
    await giveBack(store, [{ key: charge.key, spentAt: t0 + minute }], t0 + minute);
    expect(await spend(store, [charge], t0 + minute)).not.toBeNull();
    await giveBack(store, [{ key: charge.key, spentAt: t0 + 7 }], t0 + minute);
    expect(await spend(store, [charge], t0 + minute)).toBeNull();
    expect(await spend(store, [charge], t0 + minute)).not.toBeNull();
    expect((await budgetOf(store, charge.key, t0 + minute)).spent).toHaveLength(100);
  });

  it("the last return of a budget removes it", async () => {
    const { store } = scene;
    const charge = chargeOf("wide", 100);
    for (const n of [0, 1]) await spend(store, [charge], t0 + n);
    const returns = [0, 1].map((n) => ({ key: charge.key, spentAt: t0 + n }));
    await giveBack(store, returns, t0 + 2);
    expect(await budgetOf(store, charge.key, t0 + 2)).toEqual({ spent: [], holdUntil: null });
  });

  it("a limit that is raised or lowered keeps the units that were spent under the other one", async () => {
    const { store } = scene;
    for (const n of times(3, Number)) expect(await spend(store, [chargeOf("budget", 3)], t0 + n)).toBeNull();
    for (const n of times(97, Number)) expect(await spend(store, [chargeOf("budget", 100)], t0 + 3 + n)).toBeNull();
    const refused = { kind: "limited", retryAt: t0 + minute - 1 + hour };
    expect(await spend(store, [chargeOf("budget", 100)], t0 + 200)).toEqual(refused);
    expect(await spend(store, [chargeOf("budget", 3)], t0 + 200)).toEqual(refused);
    expect(await spend(store, [chargeOf("budget", 3)], t0 + minute - 1 + hour)).toBeNull();
  });

  it("a refusal has the name of the charge that refuses longest", async () => {
    const { store } = scene;
    const [short, long]: BudgetCharge[] = [
      { ...chargeOf("short", 1), name: "address" },
      { ...chargeOf("long", 1, 2 * hour), name: "country" },
    ];
    const both = [short!, long!];
    expect(await spend(store, both, t0)).toBeNull();
    const limited = { kind: "limited", retryAt: t0 + 2 * hour, name: "country" };
    expect(await spend(store, both, t0)).toEqual(limited);
    expect(await spend(store, [short!, chargeOf("another", 1)], t0)).toMatchObject({ name: "address" });
    expect(await store.challenges.findLimit({ charges: both, now: t0 })).toEqual(limited);
    const challenge = newChallenge();
    const guard = guardOf(challenge, { charges: both });
    expect(await store.challenges.issue(issueOf(challenge, { guard }))).toEqual(limited);
    const prepared = await store.challenges.prepareSend({ idempotency: null, recipientOf: null, guards: [guard], now: t0 });
    expect(prepared).toEqual(limited);
    const sent = await issue(store);
    expect(await store.challenges.takeAttempt(attemptOf(sent, { network: both, now: t0 }))).toEqual(limited);
    const resend = { challengeId: sent.challengeId, clientId: sent.clientId, requesterKey: sent.requesterKey };
    expect(await store.challenges.resend({ ...resend, idempotency: null, charges: both, now: t0 })).toEqual(limited);
  });

  it.each([
    ["exact", 5],
    ["counted", 100],
  ])("a charge of several units spends all of them or none, where units are %s", async (_, max) => {
    const { store } = scene;
    const charge = (units: number): BudgetCharge => ({ ...chargeOf("budget", max), units });
    const send = (units: number, now: number) => spend(store, [charge(units)], now);
    expect(await send(max - 2, t0)).toBeNull();
    await expectNothingHappened(store, { now: t0, budgets: [bytes("budget")] }, async () => {
      expectKind((await send(3, t0))!, "limited");
    });
    expect(await send(2, t0 + minute)).toBeNull();
    expectKind((await send(1, t0 + minute))!, "limited");
    expect((await budgetOf(store, bytes("budget"), t0 + minute)).spent).toHaveLength(max);
  });

  it("more units than the limit are granted together if none are spent, and never otherwise", async () => {
    const { store } = scene;
    const charge: BudgetCharge = { ...chargeOf("budget", 2), units: 3 };
    expect(await spend(store, [charge], t0)).toBeNull();
    const refusal = expectKind((await spend(store, [charge], t0))!, "limited");
    expect(refusal.retryAt).toBe(t0 + hour);
    expectKind((await spend(store, [{ ...chargeOf("closed", 0), units: 3 }], t0))!, "limited");
  });

  it.each([
    ["follows", 255],
    ["precedes", 0],
  ])("a charge is skipped while the key that it names, which its own key %s, has a unit in its window", async (_, first) => {
    const { store } = scene;
    const key = Buffer.alloc(16, first);
    const identifiers = (own: string): BudgetCharge => ({ ...chargeOf(own, 2), key, unlessSpent: bytes(own) });
    const send = (own: string, now: number) => spend(store, [chargeOf(own, 9), identifiers(own)], now);
    for (const own of ["a", "a", "b", "b", "a"]) expect(await send(own, t0)).toBeNull();
    expect((await budgetOf(store, key, t0)).spent).toHaveLength(2);
    await expectNothingHappened(store, { now: t0, budgets: [bytes("c"), key] }, async () => {
      expect(await send("c", t0)).toEqual({ kind: "limited", retryAt: t0 + hour });
    });
    expect(await send("a", t0 + hour - 1)).toBeNull();
    expect(await send("c", t0 + hour)).toBeNull();
  });

  it("a hidden charge that would refuse lets the message fail, spends nothing of the hidden ones, and refuses nothing", async () => {
    const { store } = scene;
    const hidden = [chargeOf("prefix", 1), chargeOf("country", 100)];
    const send = async (decoy = false) => {
      const challenge = newChallenge({ decoy });
      const guard = { ...guardOf(challenge, { charges: [chargeOf("own", 9)] }), hidden };
      const prepared = await store.challenges.prepareSend({ idempotency: null, recipientOf: null, guards: [guard], now: t0 });
      expectKind(prepared, "ready");
      return expectKind(await store.challenges.issue(issueOf(challenge, { guard })), "issued");
    };
    const [first, second, decoy] = [await send(), await send(), await send(true)];
    expect([first, second, decoy].map(({ isMuted, challenges }) => [isMuted, challenges[0]!.decoy])).toEqual([
      [undefined, false],
      [true, false],
      [true, true],
    ]);
    expect(await claimed(store)).toEqual([
      [first.challenges[0]!.challengeId, false],
      [second.challenges[0]!.challengeId, true],
      [undefined, true],
    ]);
    expect((await budgetOf(store, bytes("country"), t0)).spent).toHaveLength(1);
    expect((await budgetOf(store, bytes("own"), t0)).spent).toHaveLength(3);
  });

  it("a hidden charge that would refuse a resend lets its message fail and leaves the challenge live", async () => {
    const { store } = scene;
    const { challengeId, clientId, requesterKey } = await issue(store);
    const hidden = [chargeOf("prefix", 1)];
    const resend = () =>
      store.challenges.resend({ challengeId, clientId, requesterKey, idempotency: null, charges: [], hidden, now: t0 });
    expect(expectKind(await resend(), "resent").isMuted).toBeUndefined();
    const muted = expectKind(await resend(), "resent");
    expect([muted.isMuted, muted.challenge.sends, muted.challenge.decoy]).toEqual([true, 3, false]);
    expect(await claimed(store)).toEqual([
      [challengeId, false],
      [challengeId, false],
      [challengeId, true],
    ]);
    expectKind(await store.challenges.redeem(redemptionOf(challengeId, { now: t0 })), "redeemed");
  });

  it("a return that keeps failures gives the unit back and leaves the count", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    const identifier = { ...chargeOf("guesses", 9), countsFailures: true };
    expectKind(await store.challenges.takeAttempt(attemptOf(challenge, { identifier, now: t0 })), "taken");
    await giveBack(store, [{ key: identifier.key, spentAt: t0, keepsFailures: true }], t0);
    expect(await store.budgets.countFailures({ keys: [identifier.key], now: t0 })).toEqual([1]);
    expect((await budgetOf(store, identifier.key, t0)).spent).toEqual([]);
  });

  it("the sends of a challenge are given back to its budget key, not to its identifier", async () => {
    const { store } = scene;
    const [exact, folded] = [bytes("exact"), bytes("folded")];
    const charges = [exact, folded].map((key) => ({ key: Buffer.concat([bytes("s"), key]), limits: chargeOf("", 5).limits }));
    const { challengeId } = await issue(
      store,
      { identifierKey: exact, budgetKey: folded, purpose: "verify_contact" },
      { charges },
    );
    const sendReturns = [{ keyPrefix: bytes("s"), ofRequester: false }];
    expectKind(await store.challenges.redeem(redemptionOf(challengeId, { sendReturns, now: t0 })), "redeemed");
    const left = await Promise.all(charges.map(({ key }) => budgetOf(store, key, t0)));
    expect(left.map(({ spent }) => spent.length)).toEqual([1, 0]);
  });
}
