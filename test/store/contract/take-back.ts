import { expect, it } from "vitest";
import type { Contact } from "../../../src/model/contact.js";
import { contactsPerKindMax } from "../../../src/model/user.js";
import type { NewNotice } from "../../../src/store/port/not-me.js";
import {
  appId,
  bytes,
  day,
  done,
  email,
  expectKind,
  hour,
  issue,
  minute,
  ofKind,
  phone,
  putOff,
  redeem,
  redemptionOf,
  type Scene,
  signIn,
  t0,
  times,
  unique,
} from "./fixtures.js";
import { claimed, membersOf, shop, verified } from "./member-fixtures.js";

const later = t0 + hour;

function newNotice(changes: Partial<NewNotice> = {}): NewNotice {
  return { changeId: unique("change"), channel: "email", expiresAt: t0 + 7 * day, ...changes };
}

/** Verified contacts that were removed, their notices, and how their owners take them back. */
export function takeBack(scene: Scene): void {
  const { add, find, member } = membersOf(scene);
  const contactsOf = async (userId: string) => (await member(userId)).user.contacts;
  const plain = ({ kind, value }: Contact): Contact => ({ kind, value });

  async function replace(userId: string, old: Contact, next: Contact, notice: NewNotice | null, now = t0 + minute) {
    const { store } = scene;
    const { challengeId } = await issue(
      store,
      { purpose: "change_contact", contact: plain(next), userId, replaces: old.value },
      { now },
    );
    const without = { newSession: null, newMembership: null, notice, now };
    return expectKind(await store.challenges.redeem(redemptionOf(challengeId, without)), "redeemed").redemption.kind;
  }
  const remove = (userId: string, contact: Contact, notice: NewNotice) =>
    scene.store.users.removeContact({ appId, userId, contact: plain(contact), notice, now: t0 + minute });
  const notices = async (now: number) => {
    const claimedMessages = await scene.store.outbox.claim({ now, leaseMs: 0, limit: 10_000 });
    return claimedMessages.filter(({ delivery }) => (delivery?.notice ?? null) !== null);
  };
  const back = ({ changeId }: NewNotice, now = later) => scene.store.notMe.takeBack({ changeId, now });

  it("a replaced and a removed contact get one notice each, by the given channel, in the user's language", async () => {
    const { store } = scene;
    const [old, next, number] = [verified(email()), email(), verified(phone())];
    const { userId } = (await add({ user: { locale: "fr" }, contacts: [old, number] })).user;
    const [first, second] = [newNotice(), newNotice({ channel: "sms" })];
    expect(await replace(userId, old, next, first)).toBe("contact_changed");
    expectKind(await remove(userId, number, second), "changed");
    const found = await notices(t0 + minute);
    expect(found.map(({ delivery }) => delivery)).toMatchObject([
      { challengeId: first.changeId, channel: "email", contact: plain(old), userId, locale: "fr", appId, notice: "changed" },
      { challengeId: second.changeId, channel: "sms", contact: plain(number), userId, locale: "fr", appId, notice: "removed" },
    ]);
    await store.outbox.settle(found.map((message, n) => (n === 0 ? done(message) : putOff(message, later))));
    expect(await notices(t0 + 2 * minute)).toEqual([]);
    const again = await notices(later);
    expect(again.map(({ delivery }) => delivery?.challengeId)).toEqual([second.changeId]);
    await store.outbox.settle(again.map(done));
    expect(await notices(later + hour)).toEqual([]);
  });

  it("a claim that is removed or replaced gets no notice, nor does a contact that stays, and none is asked for by default", async () => {
    const [own, claim, other] = [verified(email()), claimed(email()), claimed(email())];
    const { userId } = (await add({ contacts: [own, claim, other] })).user;
    const [first, second, third] = [newNotice(), newNotice(), newNotice()];
    expectKind(await remove(userId, claim, first), "changed");
    expect(await replace(userId, other, email(), second)).toBe("contact_changed");
    expectKind(await remove(userId, email(), third), "no_contact");
    const kept = await contactsOf(userId);
    expectKind(await scene.store.users.removeContact({ appId, userId, contact: plain(own), now: t0 }), "changed");
    expect(kept).toHaveLength(2);
    expect(await notices(later)).toEqual([]);
    for (const notice of [first, second, third]) expect(await back(notice)).toBe("unknown");
  });

  it("its owner takes a replaced contact back: it is the primary one, the new one is gone, and every session has ended", async () => {
    const { store } = scene;
    const [old, kept, number, next] = [verified(email()), verified(email(), t0 + 1), verified(phone()), email()];
    const { userId } = (await add({ contacts: [old, kept, number] })).user;
    await add({ user: { userId }, contacts: [] }, shop);
    const session = (await signIn(store, plain(kept))).session;
    const notice = newNotice();
    await replace(userId, old, next, notice);
    const stolen = (await signIn(store, next, { now: t0 + 2 * minute })).session;
    const challenge = await issue(store, { contact: next, requesterKey: bytes("thief") }, { now: t0 + 2 * minute });
    const now = t0 + 3 * minute;
    expect(await back(notice, now)).toBe("taken_back");
    expect(await contactsOf(userId)).toEqual([old, kept, number]);
    expect(await find(next)).toBeNull();
    for (const { sessionId } of [session, stolen]) expect(await store.sessions.findLive({ sessionId, now })).toBeNull();
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ decoy: true, contact: null });
    expect((await signIn(store, plain(old), { now })).user.userId).toBe(userId);
    expect(await back(notice, now + 1)).toBe("unknown");
    expect(await store.sessions.list({ userId, appId, now })).toHaveLength(1);
  });

  it("a thief who takes an own contact back neither keeps the owner from the older one nor removes it again", async () => {
    const contactsAfter = async (order: "thief first" | "owner first") => {
      const [old, added] = [verified(email()), verified(email(), t0 + 1)];
      const { userId } = (await add({ contacts: [old, added] })).user;
      const [ofThief, ofOwner] = [newNotice(), newNotice()];
      await replace(userId, added, email(), ofThief);
      await replace(userId, old, email(), ofOwner, t0 + 2 * minute);
      const taken = order === "thief first" ? [ofThief, ofOwner] : [ofOwner, ofThief];
      for (const notice of taken) expect(await back(notice)).toBe("taken_back");
      const left = (await contactsOf(userId)).map(({ value }) => value);
      return { left: left.sort(), expected: [old.value, added.value].sort() };
    };
    for (const order of ["thief first", "owner first"] as const) {
      const { left, expected } = await contactsAfter(order);
      expect(left).toEqual(expected);
    }
  });

  it("all contacts that were verified since are removed, and changes of them can't be taken back", async () => {
    const [old, second, third, added] = [verified(email()), email(), email(), phone()];
    const { userId } = (await add({ contacts: [old] })).user;
    const [first, last] = [newNotice(), newNotice()];
    await replace(userId, old, second, first);
    const { store } = scene;
    await store.users.addContact({
      appId,
      userId,
      contact: verified(added, t0 + 2 * minute),
      primary: false,
      now: t0 + 2 * minute,
    });
    await replace(userId, second, third, last, t0 + 3 * minute);
    expect(await back(first)).toBe("taken_back");
    expect((await contactsOf(userId)).map(({ value }) => value)).toEqual([old.value]);
    expect(await back(last)).toBe("unknown");
    expect(await find(third)).toBeNull();
  });

  it("the latest change can be taken back, and the one before it still can", async () => {
    const [old, second, third] = [verified(email()), email(), email()];
    const { userId } = (await add({ contacts: [old] })).user;
    const [first, last] = [newNotice(), newNotice()];
    await replace(userId, old, second, first);
    await replace(userId, second, third, last, t0 + 2 * minute);
    expect(await back(last)).toBe("taken_back");
    expect((await contactsOf(userId)).map(({ value }) => value)).toEqual([second.value]);
    expect(await back(first)).toBe("taken_back");
    expect((await contactsOf(userId)).map(({ value }) => value)).toEqual([old.value]);
  });

  it("a removed contact is taken back although the user has as many others as one may have", async () => {
    const contacts = times(contactsPerKindMax, (n) => verified(email(), t0 + n));
    const { userId } = (await add({ contacts })).user;
    const notice = newNotice();
    await remove(userId, contacts[0]!, notice);
    await scene.store.users.addContact({ appId, userId, contact: claimed(email()), primary: false, now: later });
    expect(await back(notice)).toBe("taken_back");
    expect((await contactsOf(userId))[0]).toMatchObject(plain(contacts[0]!));
  });

  it("a contact that another person has verified since stays theirs, and nothing changes", async () => {
    const { store } = scene;
    const [old, next] = [verified(email()), email()];
    const { userId } = (await add({ contacts: [old] })).user;
    const notice = newNotice();
    await replace(userId, old, next, notice);
    const other = await signIn(store, plain(old), { now: t0 + 2 * minute });
    const session = (await signIn(store, next, { now: t0 + 2 * minute })).session;
    expect(await back(notice)).toBe("taken");
    expect((await find(old))?.user.userId).toBe(other.user.userId);
    expect((await contactsOf(userId)).map(({ value }) => value)).toEqual([next.value]);
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: later })).not.toBeNull();
  });

  it("nothing is taken back after its time, by another id, or once the person is erased, and no trace is left", async () => {
    const { store } = scene;
    const [old, next] = [verified(email()), email()];
    const { userId } = (await add({ contacts: [old] })).user;
    const notice = newNotice();
    await replace(userId, old, next, notice);
    expect(await back(newNotice())).toBe("unknown");
    expect(await back(notice, notice.expiresAt)).toBe("unknown");
    await store.users.erase({ userId, now: later });
    expect(await back(notice)).toBe("unknown");
    expect(await find(old)).toBeNull();
    expect(await notices(later)).toEqual([]);
  });

  it("the sweep forgets a removed contact when its time is over, and not before", async () => {
    const [old, next] = [verified(email()), email()];
    const { userId } = (await add({ contacts: [old] })).user;
    const [notice, other] = [newNotice(), newNotice()];
    await replace(userId, old, next, notice);
    await scene.store.upkeep.sweep({ now: notice.expiresAt - 1, limit: 1_000 });
    expect(await back(notice, notice.expiresAt - 1)).toBe("taken_back");
    await replace(userId, old, email(), other, later);
    await scene.store.upkeep.sweep({ now: other.expiresAt, limit: 1_000 });
    expect(await back(other, other.expiresAt - 1)).toBe("unknown");
  });

  it("of 10 calls and 10 sign-ins of another person that race for the contact one wins, and it has one holder", async () => {
    const { store } = scene;
    for (const round of times(6, Number)) {
      const [old, next] = [verified(email()), email()];
      const { userId } = (await add({ contacts: [old] })).user;
      const notice = newNotice();
      await replace(userId, old, next, notice);
      const challenge = await issue(store, { contact: plain(old) });
      const outcomes: string[] = [];
      const taking = async () => void outcomes.push(await back(notice, t0 + 2 * minute));
      const proving = async () => {
        const { kind } = await store.challenges.redeem(redemptionOf(challenge.challengeId, { now: t0 + 2 * minute }));
        if (kind === "redeemed") outcomes.push(kind);
      };
      const racers = [taking, proving].flatMap((racer) => times(10, () => racer));
      await Promise.all((round % 2 === 0 ? racers : racers.reverse()).map((racer) => racer()));
      const takenBack = outcomes.filter((outcome) => outcome === "taken_back").length;
      expect(takenBack).toBeLessThanOrEqual(1);
      expect((await find(old))?.user.userId === userId).toBe(takenBack === 1);
      const values = (await contactsOf(userId)).map(({ value }) => value);
      expect(values).toEqual([takenBack === 1 ? old.value : next.value]);
    }
  });

  it("of 10 racing calls one takes the contact back, and a refresh at the same time leaves no session", async () => {
    const { store } = scene;
    const [old, next] = [verified(email()), email()];
    const { userId } = (await add({ contacts: [old] })).user;
    const notice = newNotice();
    await replace(userId, old, next, notice);
    const challenges = await Promise.all(times(5, () => issue(store, { contact: next })));
    const now = t0 + 2 * minute;
    const outcomes = await Promise.all([
      ...times(10, async () => ({ kind: await back(notice, now) }) as const),
      ...challenges.map(async ({ challengeId }) => await store.challenges.redeem(redemptionOf(challengeId, { now }))),
    ]);
    expect(ofKind(outcomes, "taken_back")).toHaveLength(1);
    expect(await store.sessions.list({ userId, appId, now })).toEqual([]);
    const challenge = await issue(store, { contact: plain(old) }, { now });
    expect((await redeem(store, challenge.challengeId, { now })).user.userId).toBe(userId);
  });
}
