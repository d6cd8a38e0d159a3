import { expect, it } from "vitest";
import type { Contact } from "../../../src/model/contact.js";
import type { UserContact } from "../../../src/model/user.js";
import type { RedeemChange } from "../../../src/store/port/redemption.js";
import {
  appId,
  email,
  expectKind,
  expectNothingHappened,
  issue,
  minute,
  newSession,
  phone,
  prove,
  redeem,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
} from "./fixtures.js";
import { claimed, membersOf, shop, verified } from "./member-fixtures.js";

const later = t0 + minute;

/** Proofs of contacts that backends gave, in every order, with and without trust in claims. */
export function claims(scene: Scene): void {
  const { add, find, member, recipient } = membersOf(scene);
  const contactsOf = async (userId: string, place = {}) => (await member(userId, place)).user.contacts;
  const sessionsOf = (userId: string) => scene.store.sessions.list({ userId, appId, now: later });
  const plain = ({ kind, value }: UserContact): Contact => ({ kind, value });

  /** A sign-in by a contact, with a challenge for the person whom `prepareSend` names. */
  async function proof(contact: Contact, changes: Partial<RedeemChange> = {}) {
    const { trustClaims = false } = changes;
    const userId = (await recipient(contact, { trustClaims }))?.userId ?? null;
    const { challengeId } = await issue(scene.store, { contact, userId });
    return await redeem(scene.store, challengeId, { now: later, ...changes });
  }

  /** A person whose claim has effect. With trust it has verified another contact and is signed in by that one. */
  async function withClaim(contact: Contact, trustClaims: boolean): Promise<string> {
    const old = email();
    const { userId } = (await add({ contacts: [...(trustClaims ? [verified(old)] : []), claimed(contact)] })).user;
    if (trustClaims) await signIn(scene.store, old);
    expect(await sessionsOf(userId)).toHaveLength(trustClaims ? 1 : 0);
    return userId;
  }

  for (const trustClaims of [false, true]) {
    const policy = trustClaims ? "with trust in claims" : "without trust in claims";

    it(`${policy}, the first proof of a person verifies the claim and ends the person's other sessions in the app`, async () => {
      const contact = email();
      const userId = await withClaim(contact, trustClaims);
      const signedIn = await proof(contact, { trustClaims });
      expect(signedIn).toMatchObject({ isNewUser: false, user: { userId } });
      expect(signedIn.user.contacts.at(-1)).toEqual(verified(contact, later));
      expect(await sessionsOf(userId)).toEqual([signedIn.session]);
      expect(await find(contact, shop)).toMatchObject({ user: { userId }, membership: null });
    });

    it(`${policy}, a proof that starts no session ends the other sessions too`, async () => {
      const contact = phone();
      const userId = await withClaim(contact, trustClaims);
      const { challengeId } = await issue(scene.store, { contact, userId });
      expectKind(await scene.store.challenges.redeem(redemptionOf(challengeId, { trustClaims, newSession: null })), "redeemed");
      expect(await sessionsOf(userId)).toEqual([]);
    });

    it(`${policy}, of several people who claim a contact the one whose claim is the oldest gets it, and no claim stays`, async () => {
      const contact = email();
      const people = [];
      for (const at of [t0 + 2, t0 + 1, t0 + 3]) {
        const { userId } = (await add({ contacts: [claimed(phone())] })).user;
        await scene.store.users.addContact({ appId, userId, contact: claimed(contact), primary: false, now: at });
        people.push(userId);
      }
      const elsewhere = (await add({ contacts: [claimed(contact)] }, shop)).user.userId;
      expect(await recipient(contact, { trustClaims })).toMatchObject({ userId: people[1], contact, standing: "member" });
      const { user } = await proof(contact, { trustClaims });
      expect(user.userId).toBe(people[1]);
      for (const other of [people[0]!, people[2]!]) {
        expect((await contactsOf(other)).map(({ kind }) => kind)).toEqual(["phone"]);
      }
      expect(await contactsOf(elsewhere, shop)).toEqual([claimed(contact)]);
      expect(await recipient(contact, { ...shop, trustClaims })).toMatchObject({ userId: people[1], standing: "stranger" });
    });

    it(`${policy}, a contact that a person has verified in another app wins over a claim`, async () => {
      const contact = email();
      const { user: owner } = await add({ contacts: [verified(contact)] }, shop);
      // Claimed while no person had it verified.
      const free = email();
      const { userId: pretender } = (await add({ contacts: [claimed(free)] })).user;
      const { challengeId } = await issue(scene.store, { ...shop, contact: free });
      const { user: proven } = await redeem(scene.store, challengeId, { newSession: newSession({ appId: shop.appId }) });
      for (const [named, userId] of [
        [contact, owner.userId],
        [free, proven.userId],
      ] as const) {
        expect(await recipient(named, { trustClaims })).toMatchObject({ userId, standing: "stranger" });
        const mine = await issue(scene.store, { contact: named });
        const signedIn = await redeem(scene.store, mine.challengeId, { now: later, trustClaims });
        expect(signedIn).toMatchObject({ isNewUser: true, user: { userId } });
      }
      expect(await sessionsOf(pretender)).toEqual([]);
    });

    it(`${policy}, a challenge for a person whose claim another person has proven meanwhile is refused`, async () => {
      const contact = email();
      const { userId } = (await add({ contacts: [claimed(contact)] })).user;
      const challenge = await issue(scene.store, { contact, userId });
      const elsewhere = await issue(scene.store, { ...shop, contact });
      const { user } = await redeem(scene.store, elsewhere.challengeId, { newSession: newSession({ appId: shop.appId }) });
      const watched = { now: later, challenges: [challenge.challengeId], users: [userId, user.userId] };
      await expectNothingHappened(scene.store, watched, async () => {
        const change = redemptionOf(challenge.challengeId, { trustClaims });
        expect(await scene.store.challenges.redeem(change)).toEqual({ kind: "refused", why: "user_gone" });
      });
      expect(await contactsOf(userId)).toEqual([claimed(contact)]);
    });

    it(`${policy}, a registration by a claimed contact signs in its person and voids the new profile`, async () => {
      const contact = email();
      const { userId } = (await add({ contacts: [claimed(contact)] })).user;
      const number = phone();
      const [first, second] = await register(scene.store, [number, contact]);
      await prove(scene.store, first!.challengeId);
      const signedIn = await redeem(scene.store, second!.challengeId, { now: later, trustClaims });
      expect(signedIn).toMatchObject({ isNewUser: false, user: { userId, contacts: [verified(contact, later)] } });
      expect(await find(number)).toBeNull();
    });
  }

  it("by a username or id, no code goes to a claim that would sign in another person", async () => {
    const number = phone();
    const first = (await add({ contacts: [claimed(number)] })).user.userId;
    const { userId } = (await add({ user: { username: "ada" }, contacts: [claimed(email())] })).user;
    await scene.store.users.addContact({ appId, userId, contact: claimed(number), primary: false, now: later });
    for (const identifier of [
      { kind: "username", value: "ada" },
      { kind: "user_id", value: userId },
    ] as const) {
      expect(await recipient(identifier, { channel: "sms" })).toMatchObject({ userId, contact: null, standing: "member" });
    }
    expect(await recipient({ kind: "user_id", value: first }, { channel: "sms" })).toMatchObject({ contact: number });
  });

  it("without trust in claims, a person with a verified contact does not get a claim by its proof: a new person does", async () => {
    const [own, given] = [email(), phone()];
    const { userId } = (await add({ contacts: [verified(own), claimed(given)] })).user;
    const { session } = await signIn(scene.store, own);
    expect(await recipient(given)).toBeNull();
    const proven = await proof(given);
    expect(proven.isNewUser).toBe(true);
    expect(proven.user.userId).not.toBe(userId);
    expect(proven.user.contacts).toEqual([verified(given, later)]);
    expect(await contactsOf(userId)).toEqual([verified(own)]);
    expect(await sessionsOf(userId)).toEqual([session]);
  });

  it("with trust in claims, a person with a verified contact gets a claim by its proof, and its other sessions end", async () => {
    const [own, given] = [email(), phone()];
    const { userId } = (await add({ contacts: [verified(own), claimed(given)] })).user;
    await signIn(scene.store, own);
    expect(await recipient(given, { trustClaims: true })).toMatchObject({ userId, contact: own, standing: "member" });
    expect(await recipient(given, { trustClaims: true, channel: "sms" })).toMatchObject({ userId, contact: given });
    const proven = await proof(given, { trustClaims: true });
    expect(proven).toMatchObject({ isNewUser: false, user: { userId } });
    expect(proven.user.contacts).toEqual([verified(own), verified(given, later)]);
    expect(await sessionsOf(userId)).toEqual([proven.session]);
  });

  for (const [name, order] of [
    ["given after the person joined", ["join", "claim", "send"]],
    ["given before the person joined", ["claim", "join", "send"]],
  ] as const) {
    it(`with trust, a claim for a person of two apps, ${name}, opens no account: the proof makes a new person`, async () => {
      const [own, given] = [email(), phone()];
      const { userId } = (await add({ contacts: [verified(own)] })).user;
      const { session } = await signIn(scene.store, own);
      const steps = {
        join: () => add({ contacts: [verified(own)] }, shop),
        claim: () => scene.store.users.addContact({ appId, userId, contact: claimed(given), primary: false, now: t0 }),
        send: async () => expect(await recipient(given, { trustClaims: true })).toBeNull(),
      };
      for (const step of order) await steps[step]();
      const named = { kind: "user_id", value: userId } as const;
      expect(await recipient(named, { trustClaims: true, channel: "sms" })).toMatchObject({ userId, contact: null });
      const { challengeId } = await issue(scene.store, { contact: given });
      expect((await scene.store.challenges.find(challengeId, true))?.contactUserId).toBeNull();
      const proven = await redeem(scene.store, challengeId, { now: later, trustClaims: true });
      expect(proven.isNewUser).toBe(true);
      expect(proven.user.userId).not.toBe(userId);
      expect(await contactsOf(userId)).toEqual([verified(own)]);
      expect(await contactsOf(userId, shop)).toEqual([verified(own)]);
      expect(await sessionsOf(userId)).toEqual([session]);
    });
  }

  it("with trust, a code to a claim is refused if its person joined another app meanwhile, and nothing changes", async () => {
    const [own, given] = [email(), phone()];
    const { userId } = (await add({ contacts: [verified(own), claimed(given)] })).user;
    const { challengeId } = await issue(scene.store, { contact: given, userId });
    await add({ contacts: [verified(own)] }, shop);
    await expectNothingHappened(scene.store, { now: later, challenges: [challengeId], users: [userId] }, async () => {
      const change = redemptionOf(challengeId, { trustClaims: true });
      expect(await scene.store.challenges.redeem(change)).toEqual({ kind: "refused", why: "user_gone" });
    });
    // The person is of one app again.
    await scene.store.users.leave({ ...shop, userId, now: later });
    expect((await proof(given, { trustClaims: true })).user.userId).toBe(userId);
  });

  for (const trustClaims of [false, true]) {
    const policy = trustClaims ? "with trust in claims" : "without trust in claims";

    it(`${policy}, the owner of a contact registers although a member without a credential claims it`, async () => {
      for (const extra of [[], [verified(email())]]) {
        const contact = email();
        const contacts = [...extra, claimed(contact)];
        const { userId } = (await add({ contacts, membership: { credentialType: "none" } })).user;
        expect(await recipient(contact, { trustClaims })).toBeNull();
        const owner = await proof(contact, { trustClaims });
        expect(owner.isNewUser).toBe(true);
        expect(owner.user.userId).not.toBe(userId);
        expect(await contactsOf(userId)).toEqual(extra);
      }
    });

    it(`${policy}, an owner who registers with two contacts gets both, although members without a credential claim them`, async () => {
      const contacts = [email(), phone()];
      for (const one of contacts) await add({ contacts: [claimed(one)], membership: { credentialType: "none" } });
      const [first, second] = await register(scene.store, contacts);
      expectKind(await scene.store.challenges.redeem(redemptionOf(first!.challengeId, { trustClaims })), "redeemed");
      const owner = await redeem(scene.store, second!.challengeId, { now: later, trustClaims });
      expect(owner.isNewUser).toBe(true);
      expect(owner.user.contacts).toEqual(contacts.map((contact) => verified(contact, later)));
    });
  }

  it("a lock holds for a claim that has effect; one without effect leaves the contact to its owner", async () => {
    const contact = email();
    const { userId } = (await add({ contacts: [claimed(contact)] })).user;
    await scene.store.users.setLock({ appId, userId, locked: true, now: t0 });
    expect(await recipient(contact)).toMatchObject({ userId, standing: "locked" });
    const { challengeId } = await issue(scene.store, { contact });
    await expectNothingHappened(scene.store, { now: later, challenges: [challengeId], users: [userId] }, async () => {
      expect(await scene.store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "user_locked" });
    });
    const given = email();
    const other = (await add({ contacts: [verified(email()), claimed(given)] })).user.userId;
    await scene.store.users.setLock({ appId, userId: other, locked: true, now: t0 });
    const owner = await proof(given);
    expect(owner.isNewUser).toBe(true);
    expect(owner.user.userId).not.toBe(other);
  });

  for (const order of [
    [0, 1],
    [1, 0],
  ] as const) {
    const kinds = order.map((index) => ["email", "phone"][index]).join(" before ");

    it(`without trust, of a person with two claims the first proof counts and the second makes a new person: ${kinds}`, async () => {
      const contacts = [email(), phone()];
      const [first, second] = [contacts[order[0]]!, contacts[order[1]]!];
      const { userId } = (await add({ contacts: contacts.map(claimed) })).user;
      const stale = await issue(scene.store, { contact: second, userId });
      expect((await proof(first)).user.userId).toBe(userId);
      expect(await scene.store.challenges.find(stale.challengeId), "issued while the claim had effect").toMatchObject({
        decoy: true,
      });
      const other = await proof(second);
      expect(other.isNewUser).toBe(true);
      expect(other.user.userId).not.toBe(userId);
      expect(await contactsOf(userId)).toEqual([verified(first, later)]);
    });

    it(`with trust, a person with two claims gets both: ${kinds}`, async () => {
      const contacts = [email(), phone()];
      const { userId } = (await add({ contacts: contacts.map(claimed) })).user;
      for (const index of order) {
        expect((await proof(contacts[index]!, { trustClaims: true })).user.userId).toBe(userId);
      }
      expect(await contactsOf(userId)).toEqual(contacts.map((contact) => verified(contact, later)));
    });
  }

  it("without trust, an older claim without effect is passed over for one that has effect", async () => {
    const contact = email();
    const { userId: first } = (await add({ contacts: [verified(phone()), claimed(contact)] })).user;
    const { userId: second } = (await add({ contacts: [claimed(phone())] })).user;
    await scene.store.users.addContact({ appId, userId: second, contact: claimed(contact), primary: false, now: later });
    expect((await find(contact))?.user.userId).toBe(first);
    expect((await recipient(contact))?.userId).toBe(second);
    expect((await proof(contact)).user.userId).toBe(second);
    expect(await contactsOf(first)).toHaveLength(1);
  });

  it("a user name leads to the verified contact of a kind, otherwise to the oldest claim that has effect", async () => {
    const named = { kind: "username", value: "ada" } as const;
    const [address, number] = [email(), phone()];
    const { userId } = (await add({ user: { username: "ada" }, contacts: [claimed(address), claimed(number)] })).user;
    const younger = phone();
    await scene.store.users.addContact({ appId, userId, contact: claimed(younger), primary: false, now: later });
    const bySms = async (trustClaims = false) => (await recipient(named, { channel: "sms", trustClaims }))?.contact;
    expect(await bySms()).toEqual(number);
    const { challengeId } = await issue(scene.store, { contact: address, userId });
    await redeem(scene.store, challengeId, { now: later });
    expect(await bySms()).toBeNull();
    expect(await bySms(true)).toEqual(number);
    expect((await recipient(named))?.contact).toEqual(address);
  });

  it("a person that verifies a contact in one app keeps no claim to it in another", async () => {
    const contact = email();
    const { userId } = (await add({ contacts: [claimed(contact)] })).user;
    await add({ user: { userId }, contacts: [] }, shop);
    const challenge = await issue(scene.store, { ...shop, contact });
    // No person has it verified, and no member of this app claims it: a new person.
    const other = await redeem(scene.store, challenge.challengeId, { newSession: newSession({ appId: shop.appId }) });
    expect(other.user.userId).not.toBe(userId);
    const own = email();
    await scene.store.users.addContact({ appId, userId, contact: claimed(own), primary: false, now: t0 });
    await scene.store.users.addContact({ ...shop, userId, contact: verified(own), primary: false, now: t0 });
    expect(await contactsOf(userId)).toEqual([verified(own), claimed(contact)]);
    await scene.store.users
      .removeContact({ ...shop, userId, contact: plain(verified(own)), now: t0 })
      .then((outcome) => expect(outcome).toEqual({ kind: "last_contact" }));
  });

  it("a challenge says whose claim its contact is, by the app's policy", async () => {
    const [own, given] = [email(), phone()];
    const { userId } = (await add({ contacts: [verified(own), claimed(given)] })).user;
    const { challengeId } = await issue(scene.store, { contact: given });
    expect((await scene.store.challenges.find(challengeId))?.contactUserId).toBeNull();
    expect((await scene.store.challenges.find(challengeId, true))?.contactUserId).toBe(userId);
    const alone = phone();
    const { userId: other } = (await add({ contacts: [claimed(alone)] })).user;
    const another = await issue(scene.store, { contact: alone });
    expect((await scene.store.challenges.find(another.challengeId))?.contactUserId).toBe(other);
  });
}
