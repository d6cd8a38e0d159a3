import { expect, it } from "vitest";
import {
  bytes,
  email,
  expectKind,
  issue,
  minute,
  ofKind,
  phone,
  redeem,
  redemptionOf,
  register,
  type Scene,
  t0,
} from "./fixtures.js";
import { claimed, membersOf, shop, verified } from "./member-fixtures.js";

/** Redemptions that have no membership to give, as an app with a registration hook makes them first. */
export function withoutMembership(scene: Scene): void {
  const { add, find } = membersOf(scene);
  const idempotency = bytes("idempotency", 32);

  /** Redeems without a membership. */
  const attempt = (challengeId: string) =>
    scene.store.challenges.redeem(redemptionOf(challengeId, { newMembership: null, idempotency }));

  async function expectUnchanged(challengeId: string): Promise<void> {
    expect(await scene.store.challenges.find(challengeId)).toMatchObject({ consumedAt: null, cancelledAt: null });
    expect(await scene.store.challenges.findRedemption({ idempotency, now: t0 + minute })).toBeNull();
  }

  it("an unknown contact: the outcome says so and nothing changes, so that the same code still registers", async () => {
    const contact = email();
    const { challengeId } = await issue(scene.store, { contact });
    const expected = { kind: "would_register", isNewToPool: true, contacts: [contact] };
    expect(await attempt(challengeId)).toEqual(expected);
    expect(await attempt(challengeId)).toEqual(expected);
    await expectUnchanged(challengeId);
    expect(await find(contact)).toBeNull();
    expect(await redeem(scene.store, challengeId)).toMatchObject({ isNewUser: true });
  });

  it("a person of the pool who is no member: the outcome says so, and the person stays as it was", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)] }, shop);
    const { challengeId } = await issue(scene.store, { contact });
    expect(await attempt(challengeId)).toEqual({ kind: "would_register", isNewToPool: false, contacts: [contact] });
    await expectUnchanged(challengeId);
    expect(await find(contact)).toMatchObject({ user: { userId: user.userId }, membership: null });
    expect(await redeem(scene.store, challengeId)).toMatchObject({ isNewUser: true, user: { userId: user.userId } });
  });

  it("a member signs in without one", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)] });
    const { challengeId } = await issue(scene.store, { contact, userId: user.userId });
    const { redemption } = expectKind(await attempt(challengeId), "redeemed");
    expect(redemption).toMatchObject({ kind: "signed_in", isNewUser: false, user: { userId: user.userId } });
  });

  it("a claim without effect: a new person would be created, and the claim stays", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(email()), claimed(contact)] });
    const { challengeId } = await issue(scene.store, { contact });
    expect(await attempt(challengeId)).toEqual({ kind: "would_register", isNewToPool: true, contacts: [contact] });
    await expectUnchanged(challengeId);
    expect((await find(contact))?.user.userId).toBe(user.userId);
  });

  it("a registration: a contact before the last is pending, and the last one has all contacts", async () => {
    const contacts = [email(), phone()];
    const [first, last] = await register(scene.store, contacts);
    const pending = expectKind(await attempt(first!.challengeId), "redeemed");
    expect(pending.redemption).toEqual({ kind: "pending", pendingSources: ["phone"] });
    const outcome = expectKind(
      await scene.store.challenges.redeem(redemptionOf(last!.challengeId, { newMembership: null })),
      "would_register",
    );
    expect(outcome).toMatchObject({ isNewToPool: true });
    expect(outcome.contacts.toSorted((a, b) => a.kind.localeCompare(b.kind))).toEqual(contacts);
    for (const contact of contacts) expect(await find(contact)).toBeNull();
    expect((await redeem(scene.store, last!.challengeId)).user.contacts).toHaveLength(2);
  });

  it("a registration whose contacts are proven at the same time creates no person", async () => {
    for (let round = 0; round < 20; round += 1) {
      const contacts = [email(), phone()];
      const challenges = await register(scene.store, contacts);
      const outcomes = await Promise.all(
        challenges.map(({ challengeId }) => scene.store.challenges.redeem(redemptionOf(challengeId, { newMembership: null }))),
      );
      expect([ofKind(outcomes, "redeemed").length, ofKind(outcomes, "would_register").length]).toEqual([1, 1]);
      for (const contact of contacts) expect(await find(contact)).toBeNull();
    }
  });
}
