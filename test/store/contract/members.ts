import { expect, it } from "vitest";
import {
  appId,
  email,
  expectKind,
  issue,
  newUser,
  ofKind,
  phone,
  poolId,
  redeem,
  redemptionOf,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";
import { bank, claimed, membersOf, newMember, shop, verified } from "./member-fixtures.js";

/** People who are created or joined without a proof. */
export function members(scene: Scene): void {
  const { create, add, find, member } = membersOf(scene);

  it("a person that is created has all that was given, and every key finds it", async () => {
    const [address, number] = [email(), phone()];
    const user = { username: "ada", displayName: "Ada \0 \\", locale: "sv", customAttributes: '{"a":1}' };
    const membership = {
      roles: ["admin", "nurse"],
      kind: "patient",
      ownerOrganization: "ward 7",
      externalId: "p-17",
      appAttributes: '{"plan":"gold"}',
      credentialType: "none",
      state: "invited",
    } as const;
    const given = newMember({ user, contacts: [claimed(number), verified(address, t0 - 1)], membership });
    const { userId } = given.user;
    const [outcome] = await create([given]);
    const expected = {
      user: {
        userId,
        number: expect.any(Number),
        ...user,
        contacts: [verified(address, t0 - 1), claimed(number)],
        createdAt: t0,
      },
      membership: { appId, ...membership, joinedAt: t0 },
    };
    expect(outcome).toEqual({ kind: "created", member: expected });
    const { number: userNumber } = (await member(userId)).user;
    const keys = [
      address,
      number,
      { kind: "user_id", value: userId },
      { kind: "number", value: userNumber },
      { kind: "username", value: "ada" },
      { kind: "external_id", value: "p-17" },
    ] as const;
    for (const key of keys) expect(await find(key), key.kind).toEqual(expected);
  });

  it("the verified contacts of a new person keep their order, whatever their times", async () => {
    const contacts = [
      verified(email(), t0 - 1),
      verified(email(), t0 - 9),
      verified(email(), t0 - 9),
      verified(email(), t0 - 5),
    ];
    const { user } = await add({ contacts });
    expect(user.contacts).toEqual(contacts);
    expect((await member(user.userId)).user.contacts).toEqual(contacts);
  });

  it("another app of the pool finds the person without membership and claims, and another pool finds nothing", async () => {
    const [address, number] = [email(), phone()];
    const contacts = [verified(address), claimed(number)];
    const { user } = await add({ user: { username: "ada" }, contacts, membership: { externalId: "p-17" } });
    const { userId } = user;
    const seen = { user: { ...user, contacts: [verified(address)] }, membership: null };
    const keys = [
      address,
      { kind: "user_id", value: userId },
      { kind: "number", value: user.number },
      { kind: "username", value: "ada" },
    ] as const;
    for (const key of keys) {
      expect(await find(key, shop), key.kind).toEqual(seen);
      expect(await find(key, bank), key.kind).toBeNull();
    }
    for (const key of [number, { kind: "external_id", value: "p-17" }] as const)
      expect(await find(key, shop), key.kind).toBeNull();
  });

  it("a person of the pool is joined to another app, by a verified contact or the id, and keeps profile and contacts", async () => {
    const [address, other] = [email(), email()];
    const ada = await add({ user: { displayName: "Ada" }, contacts: [verified(address)], membership: { roles: ["admin"] } });
    const grace = await add({ contacts: [verified(other)] });
    const profile = { username: "eve", displayName: "Eve", locale: "de", customAttributes: '{"b":2}' };
    const outcomes = await create(
      [
        newMember({ user: profile, contacts: [claimed(address), claimed(phone())], membership: { roles: ["guest"] } }),
        newMember({ user: { ...profile, userId: grace.user.userId }, contacts: [] }),
      ],
      shop,
    );
    const membership = (await member(ada.user.userId, shop)).membership;
    expect(membership).toMatchObject({ appId: "shop", roles: ["guest"] });
    expect(outcomes[0]).toEqual({ kind: "joined", member: { user: ada.user, membership } });
    expect(outcomes[1]).toMatchObject({ kind: "joined", member: { user: grace.user } });
    expect(await member(ada.user.userId)).toEqual(ada);
  });

  it("a member is not created again, whether a verified contact, a claim or the id names it, and nothing changes", async () => {
    const [address, number] = [email(), phone()];
    const before = await add({ contacts: [verified(address), claimed(number)] });
    const { userId } = before.user;
    const given = [
      newMember({ contacts: [verified(address)], membership: { roles: ["admin"] } }),
      newMember({ contacts: [claimed(number), claimed(email())] }),
      newMember({ contacts: [claimed(number), verified(address)] }),
      newMember({ user: { userId, displayName: "Eve" } }),
    ];
    expect(await create(given)).toEqual(given.map(() => ({ kind: "already_member", userId })));
    expect(await member(userId)).toEqual(before);
  });

  it("a proven contact makes a person of its own, whom no other member's claim to it and no unproven contact turns into another", async () => {
    const [address, number, foreign] = [email(), phone(), email()];
    const claimant = await add({ contacts: [verified(address), claimed(number)] });
    await add({ contacts: [verified(foreign)] }, shop);
    const [made, second, refused, again] = await create([
      newMember({ contacts: [verified(number)] }),
      newMember({ contacts: [claimed(phone()), verified(email())] }),
      newMember({ contacts: [claimed(foreign), verified(phone())] }),
      newMember({ contacts: [verified(number)] }),
    ]);
    const { user } = expectKind(made!, "created").member;
    expect(user).toMatchObject({ contacts: [verified(number)] });
    expect((await member(claimant.user.userId)).user.contacts, "the claim ends").toEqual([verified(address)]);
    expect(second!.kind).toBe("created");
    expect(refused).toEqual({ kind: "taken", field: "email" });
    expect(again).toEqual({ kind: "already_member", userId: user.userId });

    const shared = phone();
    const [first] = await create([newMember({ contacts: [verified(email()), claimed(shared)] })]);
    const [other] = await create([newMember({ contacts: [verified(email()), claimed(shared)] })]);
    expect([first!.kind, other!.kind], "several people may claim a contact").toEqual(["created", "created"]);

    // A person without a verified contact is the one whom a code to the claim signs in.
    const alone = phone();
    const { userId } = (await add({ contacts: [claimed(alone)] })).user;
    expect(await create([newMember({ contacts: [verified(alone)] })])).toEqual([{ kind: "already_member", userId }]);
  });

  it("a value that belongs to another person is taken, and nothing of that person is made; the rest of the call goes on", async () => {
    const { store } = scene;
    const [address, number] = [email(), phone()];
    const ada = await add({ user: { username: "ada" }, contacts: [verified(address)], membership: { externalId: "p-17" } });
    const grace = await add({ contacts: [claimed(number)] });
    const stranger = await add({}, bank);
    const fresh = email();
    const outcomes = await create([
      newMember({ contacts: [verified(fresh), verified(address), verified(number)] }),
      newMember({ user: { userId: grace.user.userId }, contacts: [verified(address)] }),
      newMember({ user: { username: "ada" }, contacts: [verified(fresh)] }),
      newMember({ number: ada.user.number, contacts: [verified(fresh)] }),
      newMember({ contacts: [verified(fresh)], membership: { externalId: "p-17" } }),
      newMember({ user: { userId: stranger.user.userId }, contacts: [verified(fresh)] }),
      newMember({ user: { userId: "last" }, contacts: [verified(fresh)] }),
    ]);
    expect(outcomes.slice(0, -1)).toEqual(
      ["phone", "email", "username", "number", "external_id", "user_id"].map((field) => ({ kind: "taken", field })),
    );
    expect(outcomes.at(-1)).toMatchObject({ kind: "created", member: { user: { userId: "last" } } });
    for (const before of [ada, grace]) expect(await member(before.user.userId)).toEqual(before);
    const { members: all } = await store.users.list({ poolId, appId, prefix: null, after: "", limit: 100 });
    expect(all).toHaveLength(3);
  });

  it("of several values that belong to others the number is named first, then the username, then the external id", async () => {
    const { number } = (await add({ user: { username: "ada" }, membership: { externalId: "p-17" } })).user;
    const [user, membership] = [{ username: "ada" }, { externalId: "p-17" }];
    const outcomes = await create([newMember({ user, number, membership }), newMember({ user, membership })]);
    expect(outcomes).toEqual(["number", "username"].map((field) => ({ kind: "taken", field })));
  });

  it("a number that is given is kept, and later numbers are above it", async () => {
    const { user: imported } = await add({ number: 5_000 });
    expect(imported.number).toBe(5_000);
    const { user: next } = await add();
    expect(next.number).toBeGreaterThan(5_000);
    const { user: between } = await add({ number: 77 });
    expect(between.number).toBe(77);
    expect((await add()).user.number).toBeGreaterThan(next.number);
  });

  it("numbers that parallel calls give in any order never move the counter back", async () => {
    const { number } = (await add()).user;
    for (const round of times(5, Number)) {
      const given = times(16, (n) => number + 1_000 * (round + 1) + ((7 * n) % 16));
      await Promise.all(given.map((one) => add({ number: one })));
      expect((await add()).user.number).toBeGreaterThan(Math.max(...given));
    }
  });

  it("numbers that are skipped stay free for the calls that give them, and skipping lower ones moves nothing back", async () => {
    const { number } = (await add()).user;
    await scene.store.users.skipNumbers({ upTo: number + 100 });
    await scene.store.users.skipNumbers({ upTo: number + 50 });
    const given = times(50, (n) => number + 1 + 2 * n);
    const made = await Promise.all([...given.map((one) => add({ number: one })), ...times(50, () => add())]);
    const numbers = made.map(({ user }) => user.number);
    expect(numbers.slice(0, 50)).toEqual(given);
    expect(Math.min(...numbers.slice(50))).toBeGreaterThan(number + 100);
    expect(new Set(numbers).size).toBe(100);
  });

  it("people with and without a given number in one call never get the same", async () => {
    const { number } = (await add()).user;
    const outcomes = await create(times(30, (n) => newMember(n % 3 === 0 ? { number: number + 1 + n } : {})));
    const numbers = ofKind(outcomes, "created").map(({ member: made }) => made.user.number);
    expect(new Set(numbers).size).toBe(30);
    for (const n of times(10, Number)) expect(numbers[3 * n]).toBe(number + 1 + 3 * n);
  });

  for (const [name, given] of [
    ["verified", verified],
    ["claimed", claimed],
  ] as const) {
    it(`of 100 parallel creations for one ${name} contact one creates the person, and the others find it`, async () => {
      const contact = email();
      const outcomes = (await Promise.all(times(100, () => create([newMember({ contacts: [given(contact)] })])))).flat();
      const [created] = ofKind(outcomes, "created");
      const { userId } = created!.member.user;
      expect(ofKind(outcomes, "already_member")).toEqual(times(99, () => ({ kind: "already_member", userId })));
      expect((await member(userId)).user.contacts).toEqual([given(contact)]);
    });
  }

  it("of 100 parallel joins of a person one joins it", async () => {
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)] });
    const outcomes = (await Promise.all(times(100, () => create([newMember({ contacts: [verified(contact)] })], shop)))).flat();
    expect(ofKind(outcomes, "joined")).toHaveLength(1);
    expect(ofKind(outcomes, "already_member")).toEqual(times(99, () => ({ kind: "already_member", userId: user.userId })));
  });

  it("of 40 people with one user name, and of 40 with one external id, one is created each", async () => {
    const outcomes = await Promise.all([
      ...times(40, () => create([newMember({ user: { username: "ada" } })])),
      ...times(40, () => create([newMember({ membership: { externalId: "p-17" } })])),
    ]);
    expect(ofKind(outcomes.flat(), "created")).toHaveLength(2);
    const taken = ofKind(outcomes.flat(), "taken").map(({ field }) => field);
    expect(taken.sort()).toEqual([...times(39, () => "external_id"), ...times(39, () => "username")]);
  });

  it("40 creations and 40 sign-ins by one contact at once make one person", async () => {
    const { store } = scene;
    const contact = email();
    const challenges = await Promise.all(times(40, (n) => issue(store, { contact, requesterKey: Buffer.from(`${n}`) })));
    const [created, redeemed] = await Promise.all([
      Promise.all(times(40, () => create([newMember({ contacts: [verified(contact)] })]))),
      Promise.all(challenges.map(({ challengeId }) => store.challenges.redeem(redemptionOf(challengeId)))),
    ]);
    const signedIn = ofKind(redeemed, "redeemed").flatMap(({ redemption }) =>
      redemption.kind === "signed_in" ? [redemption] : [],
    );
    const made = ofKind(created.flat(), "created").length + signedIn.filter(({ isNewUser }) => isNewUser).length;
    expect(made).toBe(1);
    const found = await find(contact);
    for (const { user } of signedIn) expect(user.userId).toBe(found?.user.userId);
    const { members: all } = await store.users.list({ poolId, appId, prefix: null, after: "", limit: 100 });
    expect(all).toHaveLength(1);
  });

  it("a member of one app is a stranger to another until it joins", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact, { newUser: newUser({ username: "ada" }) });
    const { recipient } = membersOf(scene);
    for (const identifier of [contact, { kind: "username", value: "ada" }] as const) {
      expect(await recipient(identifier)).toMatchObject({ userId: user.userId, standing: "member" });
      expect(await recipient(identifier, shop)).toMatchObject({ userId: user.userId, standing: "stranger" });
    }
    await add({ contacts: [verified(contact)] }, shop);
    expect(await recipient(contact, shop)).toMatchObject({ userId: user.userId, standing: "member" });
  });

  it("a member without a credential stands so, and its sign-in is refused", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await add({ contacts: [verified(contact)], membership: { credentialType: "none" } });
    expect(await membersOf(scene).recipient(contact)).toMatchObject({ userId: user.userId, standing: "no_credential" });
    const { challengeId } = await issue(store, { contact });
    expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "user_locked" });
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 })).toEqual([]);
  });

  it("the first sign-in makes an invited member active", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await add({ contacts: [claimed(contact)], membership: { state: "invited" } });
    const { challengeId } = await issue(store, { contact, userId: user.userId });
    const made = await redeem(store, challengeId);
    expect(made).toMatchObject({ isNewUser: false, user: { userId: user.userId } });
    expect((await member(user.userId)).membership.state).toBe("active");
  });
}
