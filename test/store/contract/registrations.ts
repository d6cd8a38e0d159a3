import { expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { User } from "../../../src/model/user.js";
import type { RedeemChange, Redemption } from "../../../src/store/port/redemption.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  email,
  expectKind,
  minute,
  newUser,
  ofKind,
  phone,
  poolId,
  redeem,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";

async function prove(store: Store, challenge: Challenge, changes: Partial<RedeemChange> = {}): Promise<Redemption> {
  return expectKind(await store.challenges.redeem(redemptionOf(challenge.challengeId, changes)), "redeemed").redemption;
}

function valuesOf(user: User): string[] {
  return user.contacts.map(({ value }) => value).sort();
}

export function registrations(scene: Scene): void {
  it("a registration with one contact makes the user when it is proven", async () => {
    const { store } = scene;
    const contact = email();
    const [challenge] = await register(store, [contact]);
    expect(challenge?.registrationId).not.toBeNull();
    expect((await store.challenges.find(challenge!.challengeId))?.sealedProfile).not.toBeNull();
    const made = newUser({ username: "ada", displayName: "Ada L.", customAttributes: '{"a":1}' });
    const done = await redeem(store, challenge!.challengeId, { newUser: made });
    expect(done).toMatchObject({ isNewUser: true, usernameTaken: false, user: { ...made, contacts: [contact] } });
  });

  it("with two contacts the first proven is pending, in either order, and the second makes a user with both", async () => {
    const { store } = scene;
    for (const order of [
      [0, 1],
      [1, 0],
    ] as const) {
      const contacts = [email(), phone()];
      const challenges = await register(store, contacts);
      const [first, last] = [challenges[order[0]]!, challenges[order[1]]!];
      expect(await prove(store, first)).toEqual({ kind: "pending", pendingSources: [last.contact!.kind] });
      expect((await store.challenges.find(first.challengeId))?.contactUserId).toBeNull();
      const { user, isNewUser } = await redeem(store, last.challengeId);
      expect(isNewUser).toBe(true);
      expect(valuesOf(user)).toEqual(contacts.map(({ value }) => value).sort());
    }
  });

  it("both contacts proven at once, 10 times each: one is pending, one signs in, all others are refused", async () => {
    const { store } = scene;
    const challenges = await register(store, [email(), phone()]);
    const outcomes = await Promise.all(
      times(20, (index) => store.challenges.redeem(redemptionOf(challenges[index % 2]!.challengeId))),
    );
    const redemptions = ofKind(outcomes, "redeemed").map((one) => one.redemption);
    expect(redemptions.map(({ kind }) => kind).sort()).toEqual(["pending", "signed_in"]);
    expect(ofKind(outcomes, "refused")).toHaveLength(18);
  });

  it("a contact that has a user signs that user in, leaves them as they are and ends the registration", async () => {
    const { store } = scene;
    const known = await signIn(store);
    const challenges = await register(store, [known.user.contacts[0]!, phone()]);
    const done = await redeem(store, challenges[0]!.challengeId, {
      newUser: newUser({ username: "mallory", customAttributes: '{"admin":true}' }),
    });
    expect(done).toMatchObject({ isNewUser: false, usernameTaken: false, user: known.user });
    const other = await store.challenges.redeem(redemptionOf(challenges[1]!.challengeId));
    expect(other).toEqual({ kind: "refused", why: "cancelled" });
    expect(await store.challenges.find(challenges[1]!.challengeId)).toMatchObject({ sealedProfile: null, contactUserId: null });
  });

  it("a contact proven earlier that has got a user meanwhile is left out of the new user", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, last] = await register(store, [address, number]);
    await prove(store, first!);
    const meanwhile = await signIn(store, address);
    const { user, isNewUser } = await redeem(store, last!.challengeId);
    expect(isNewUser).toBe(true);
    expect(user.userId).not.toBe(meanwhile.user.userId);
    expect(valuesOf(user)).toEqual([number.value]);
    expect(await store.sessions.findLive({ sessionId: meanwhile.session.sessionId, now: t0 + minute })).not.toBeNull();
  });

  it("a contact proven earlier whose person was erased since is left out of the new user", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const [first, second] = await register(store, [address, number]);
    expect((await prove(store, first!)).kind).toBe("pending");
    const { user } = await signIn(store, address);
    await store.users.erase({ userId: user.userId, now: t0 + minute });
    const done = await redeem(store, second!.challengeId);
    expect(done.isNewUser).toBe(true);
    expect(valuesOf(done.user)).toEqual([number.value]);
  });

  it("a user name taken meanwhile is told and left out, nothing else is lost", async () => {
    const { store } = scene;
    const named = { newUser: newUser({ username: "ada" }) };
    await signIn(store, email(), named);
    const [challenge] = await register(store, [email()]);
    const done = await redeem(store, challenge!.challengeId, { newUser: newUser({ username: "ada" }) });
    expect(done).toMatchObject({ isNewUser: true, usernameTaken: true, user: { username: null } });
  });

  it("20 registrations race for one user name: one gets it, all get users", async () => {
    const { store } = scene;
    const challenges = await Promise.all(times(20, () => register(store, [email()])));
    const done = await Promise.all(
      challenges.map(([one]) => redeem(store, one!.challengeId, { newUser: newUser({ username: "ada" }) })),
    );
    expect(done.filter(({ user }) => user.username === "ada")).toHaveLength(1);
    expect(done.filter(({ usernameTaken }) => usernameTaken)).toHaveLength(19);
    expect(done.every(({ isNewUser }) => isNewUser)).toBe(true);
  });

  it("two registrations race for one contact: the first to prove it gets it, the other one's challenge is cancelled", async () => {
    const { store } = scene;
    const contact = email();
    const [[first], [second]] = await Promise.all([register(store, [contact]), register(store, [contact])]);
    const outcomes = await Promise.all(
      times(20, (index) => store.challenges.redeem(redemptionOf((index % 2 === 0 ? first! : second!).challengeId))),
    );
    const done = ofKind(outcomes, "redeemed");
    expect(done).toHaveLength(1);
    const userId = expectKind(done[0]!.redemption, "signed_in").user.userId;
    expect((await store.challenges.find(second!.challengeId))?.contactUserId).toBe(userId);
  });

  it("two registrations that share both contacts never block each other: the first to prove both makes the user", async () => {
    const { store } = scene;
    const contacts = [email(), phone()];
    const [a, b] = [await register(store, contacts), await register(store, contacts)];
    expectKind(await prove(store, a[0]!), "pending");
    expectKind(await prove(store, b[0]!), "pending");
    const { user, isNewUser } = await redeem(store, b[1]!.challengeId);
    expect(isNewUser).toBe(true);
    expect(valuesOf(user)).toEqual(contacts.map(({ value }) => value).sort());
    const late = await store.challenges.redeem(redemptionOf(a[1]!.challengeId));
    expect(late).toEqual({ kind: "refused", why: "cancelled" });
  });

  it("a pending registration is no user: a login for its contact makes another user", async () => {
    const { store } = scene;
    const contact = email();
    const [challenge] = await register(store, [contact, phone()]);
    await prove(store, challenge!);
    const query = {
      idempotency: null,
      recipientOf: { identifier: contact, channel: "email", poolId, appId, trustClaims: false },
      guards: [],
      now: t0,
    } as const;
    expect(await store.challenges.prepareSend(query)).toEqual({ kind: "ready", recipient: null });
    expect((await signIn(store, contact)).user.contacts).toHaveLength(1);
  });

  it("of an expired registration nothing can be redeemed any more", async () => {
    const { store } = scene;
    const [first, last] = await register(store, [email(), phone()]);
    await prove(store, first!);
    const outcome = await store.challenges.redeem(redemptionOf(last!.challengeId, { now: t0 + 5 * minute }));
    expect(outcome).toEqual({ kind: "refused", why: "expired" });
  });
}
