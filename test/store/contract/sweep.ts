import { expect, it } from "vitest";
import { directoryOf, newSecret } from "./directory-fixtures.js";
import {
  appId,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  done,
  email,
  expectKind,
  hour,
  issue,
  minute,
  newSession,
  phone,
  poolId,
  queued,
  redemptionOf,
  register,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";

export function sweep(scene: Scene): void {
  it("sweeping an empty database finds nothing", async () => {
    expect(await scene.store.upkeep.sweep({ now: t0, limit: 100 })).toEqual({ swept: 0, expired: [] });
  });

  it("nothing that lives is swept: challenges, sessions, budgets, registrations, users", async () => {
    const { store } = scene;
    const charge = chargeOf("budget", 5, day);
    const { session, user } = await signIn(store);
    const challenge = await issue(store, {}, { charges: [charge], idempotency: bytes("call") });
    const [registration] = await register(store, [email()]);
    expect(await store.upkeep.sweep({ now: t0 + 5 * minute - 1, limit: 100 })).toEqual({ swept: 0, expired: [] });
    expect(await store.challenges.find(challenge.challengeId)).not.toBeNull();
    expect((await store.challenges.find(registration!.challengeId))?.sealedProfile).not.toBeNull();
    expect(await queued(store, t0)).toContain(challenge.challengeId);
    await store.upkeep.sweep({ now: t0 + day - 1, limit: 100 });
    expect((await budgetOf(store, charge.key, t0 + day - 1)).spent).toEqual([t0]);
    await store.upkeep.sweep({ now: t0 + 7 * day - 1, limit: 100 });
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + 7 * day - 1 })).toEqual({ session, user });
  });

  it("a challenge is kept for an hour after its expiry, then it is gone", async () => {
    const { store } = scene;
    const challenge = await issue(store);
    await store.upkeep.sweep({ now: challenge.expiresAt + hour - 1, limit: 100 });
    const change = redemptionOf(challenge.challengeId, { now: challenge.expiresAt + hour - 1 });
    expect(await store.challenges.redeem(change)).toEqual({ kind: "refused", why: "expired" });
    await store.upkeep.sweep({ now: challenge.expiresAt + hour, limit: 100 });
    expect(await store.challenges.find(challenge.challengeId)).toBeNull();
    expect(await queued(store, challenge.expiresAt + hour)).toEqual([null]);
  });

  it("a session is swept within a day after its end, also when its last refresh could have kept it longer", async () => {
    const { store } = scene;
    const { session } = await signIn(store, email(), {
      newSession: newSession({ expiresAt: t0 + 5 * day, idleExpiresAt: t0 + day }),
    });
    expectKind(await rotate(store, session, { idleMs: 7 * day }), "rotated");
    await store.upkeep.sweep({ now: session.expiresAt - 1, limit: 100 });
    expect((await store.sessions.list({ userId: session.userId, appId, now: session.expiresAt - 1 })).length).toBe(1);
    expect((await store.upkeep.sweep({ now: session.expiresAt + day, limit: 100 })).swept).toBe(1);
  });

  it("swept budgets were free anyway: a sweep never grants what was refused", async () => {
    const { store } = scene;
    const challenge = await issue(store, { expiresAt: t0 + 3 * day });
    const identifier = chargeOf("budget", 1, day, { stepsMs: [2 * day], jitter: 1 });
    const take = (now: number) => store.challenges.takeAttempt(attemptOf(challenge, { identifier, now }));
    expectKind(await take(t0), "taken");
    await store.upkeep.sweep({ now: t0 + 2 * day - 1, limit: 100 });
    expectKind(await take(t0 + 2 * day - 1), "limited");
    await store.upkeep.sweep({ now: t0 + 2 * day, limit: 100 });
    expectKind(await take(t0 + 2 * day), "taken");
  });

  it("a sweep does at most limit rows, says how many, and comes to an end", async () => {
    const { store } = scene;
    await Promise.all(
      times(25, (n) => issue(store, {}, { charges: [chargeOf(`budget ${n}`, 1)], idempotency: bytes(`call ${n}`) })),
    );
    await signIn(store);
    const now = t0 + 60 * day;
    const swept: number[] = [];
    do swept.push((await store.upkeep.sweep({ now, limit: 10 })).swept);
    while (swept.at(-1) === 10 && swept.length < 100);
    expect(swept.slice(0, -1).every((count) => count === 10)).toBe(true);
    expect(swept.at(-1)).toBeLessThan(10);
    // Challenges, budgets and idempotency of 25 sends; challenge and session of the sign-in. An engine may erase the codes first.
    expect(swept.reduce((sum, count) => sum + count, 0) - (3 * 25 + 2)).toBeOneOf([0, 25]);
    expect(await store.upkeep.sweep({ now, limit: 10 })).toEqual({ swept: 0, expired: [] });
  });

  it("an assertion is known for an hour after its end, a secret for 30 days, and the mark of a deleted client for a day", async () => {
    const { store } = scene;
    const { addClient, changesIn } = directoryOf(scene);
    const ended = newSecret({ expiresAt: t0 });
    const { clientId } = await addClient({ kind: "confidential" }, newSecret({ createdAt: t0 + 1 }));
    await store.apps.addSecret({ clientId, secret: ended, endOthersAt: null, now: t0 });
    const { clientId: deleted } = await addClient();
    await store.apps.deleteClient({ clientId: deleted, now: t0 });
    const use = () => store.apps.useAssertion({ clientId, jti: "jti", expiresAt: t0 });
    await use();
    const look = async () => ({
      deleted: (await changesIn(1)).deletedClients,
      secrets: (await store.apps.findClient(clientId))!.secrets.length,
    });
    const sweepAt = async (now: number) => (await store.upkeep.sweep({ now, limit: 100 })).swept;
    expect([await sweepAt(t0 + hour - 1), await use()]).toEqual([0, false]);
    expect([await sweepAt(t0 + hour), await use()]).toEqual([1, true]);
    await sweepAt(t0 + hour);
    expect([await sweepAt(t0 + day - 1), await look()]).toEqual([0, { deleted: [deleted], secrets: 2 }]);
    expect([await sweepAt(t0 + day), await look()]).toEqual([1, { deleted: [], secrets: 2 }]);
    expect([await sweepAt(t0 + 30 * day - 1), await look()]).toEqual([0, { deleted: [], secrets: 2 }]);
    expect([await sweepAt(t0 + 30 * day), await look()]).toEqual([1, { deleted: [], secrets: 1 }]);
  });

  it("tells of each challenge that expired unredeemed, once, at its expiry", async () => {
    const { store } = scene;
    await issue(store);
    await issue(store, { contact: phone(), purpose: "verify_contact" });
    await register(store, [email()]);
    await issue(store, { decoy: true });
    await signIn(store);
    const expiry = t0 + 5 * minute;
    const { expired } = await store.upkeep.sweep({ now: expiry, limit: 100 });
    expect(expired.map(({ purpose, channel }) => `${purpose} ${channel}`).sort()).toEqual([
      "login email",
      "registration email",
      "verify_contact sms",
    ]);
    expect((await store.upkeep.sweep({ now: expiry + 2 * hour, limit: 100 })).expired).toEqual([]);
  });

  it("tells of one whose code was erased with its last send an hour later, and once too", async () => {
    const { store } = scene;
    const challenge = await issue(store, { sendsMax: 1 });
    const messages = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10 });
    await store.outbox.settle(messages.map(done));
    const at = (now: number) => store.upkeep.sweep({ now, limit: 100 });
    expect((await at(challenge.expiresAt)).expired).toEqual([]);
    expect((await at(challenge.expiresAt + hour)).expired).toEqual([{ purpose: "login", channel: "email" }]);
    expect((await at(challenge.expiresAt + 2 * hour)).expired).toEqual([]);
  });

  it("does not tell of those that a sign-in or the end of their user had ended", async () => {
    const { store } = scene;
    const contact = email();
    await issue(store, { contact });
    await issue(store, { contact, requesterKey: bytes("stranger") });
    const { user } = await signIn(store, contact);
    await issue(store, { contact, userId: user.userId });
    await store.users.erase({ userId: user.userId, now: t0 });
    expect((await store.upkeep.sweep({ now: t0 + 5 * minute, limit: 100 })).expired).toEqual([]);
    expect((await store.upkeep.sweep({ now: t0 + 2 * hour, limit: 100 })).expired).toEqual([]);
  });

  it("of 20 sweeps that race one tells of a challenge", async () => {
    const { store } = scene;
    await Promise.all(times(30, () => issue(store)));
    const sweeps = await Promise.all(times(20, () => store.upkeep.sweep({ now: t0 + 2 * hour, limit: 7 })));
    const { expired } = await store.upkeep.sweep({ now: t0 + 2 * hour, limit: 1_000 });
    expect([...sweeps.flatMap((sweep) => sweep.expired), ...expired]).toHaveLength(30);
  });

  it("20 sweeps and sends race; what lives is there afterwards", async () => {
    const { store } = scene;
    await Promise.all(times(50, () => issue(store, {}, { now: t0 - day })));
    const [fresh] = await Promise.all([
      Promise.all(times(20, () => issue(store))),
      ...times(20, () => store.upkeep.sweep({ now: t0, limit: 7 })),
    ]);
    for (const { challengeId } of fresh) expect(await store.challenges.find(challengeId)).not.toBeNull();
  });

  it("a session past its end is swept, its user stays", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    await store.upkeep.sweep({ now: t0 + 60 * day, limit: 100 });
    const query = {
      idempotency: null,
      recipientOf: { identifier: contact, channel: "email", poolId, appId, trustClaims: false },
      guards: [],
      now: t0,
    } as const;
    expect(await store.challenges.prepareSend(query)).toMatchObject({ recipient: { userId: user.userId } });
  });
}
