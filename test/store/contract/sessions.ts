import { expect, it } from "vitest";
import type { Session } from "../../../src/model/session.js";
import {
  appId,
  bytes,
  day,
  email,
  expectNothingHappened,
  hour,
  issue,
  minute,
  newSession,
  redemptionOf,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
} from "./fixtures.js";

export function sessions(scene: Scene): void {
  it("a user keeps the 50 most recently used sessions; the least recently used one is evicted", async () => {
    const { store } = scene;
    const contact = email();
    const made: Session[] = [];
    for (const index of times(50, Number)) made.push((await signIn(store, contact, { now: t0 + index })).session);
    const { userId } = made[0]!;
    await rotate(store, made[0]!, { now: t0 + minute });
    const newest = await signIn(store, contact, { now: t0 + hour });
    const live = await store.sessions.list({ userId, appId, now: t0 + hour });
    expect(live).toHaveLength(50);
    expect(live.slice(0, 2).map(({ sessionId }) => sessionId)).toEqual([newest.session.sessionId, made[0]!.sessionId]);
    expect(await store.sessions.findLive({ sessionId: made[1]!.sessionId, now: t0 + hour })).toBeNull();
    expect(await rotate(store, made[1]!, { now: t0 + hour })).toEqual({ kind: "ended" });
  });

  it("sign-ins that race to a cap of 5, each of which may end the other's challenge, leave exactly 5 sessions", async () => {
    const { store } = scene;
    const contact = email();
    const { user } = await signIn(store, contact);
    let signedIn = 0;
    const racer = async () => {
      for (const _ of times(20, Number)) {
        const { challengeId } = await issue(store, { contact });
        const { kind } = await store.challenges.redeem(redemptionOf(challengeId, { sessionsMax: 5 }));
        if (kind === "redeemed") signedIn += 1;
      }
    };
    await Promise.all(times(4, racer));
    expect(signedIn).toBeGreaterThan(5);
    expect(await store.sessions.list({ userId: user.userId, appId, now: t0 + minute })).toHaveLength(5);
  });

  it("a session is found by the family of its refresh tokens, in its present generation, as long as it lives", async () => {
    const { store } = scene;
    const { session, user } = await signIn(store, email(), { newSession: newSession({ expiresAt: t0 + hour }) });
    await signIn(store);
    const find = (now: number, family = session.family) => store.sessions.findByFamily({ family, now });
    expect(await find(t0)).toEqual({ session, user });
    await rotate(store, session, { now: t0 + minute });
    expect(await find(t0 + minute)).toMatchObject({ session: { sessionId: session.sessionId, generation: 1 }, user });
    expect(await find(t0, bytes("another family"))).toBeNull();
    expect(await find(t0 + hour - 1)).not.toBeNull();
    expect(await find(t0 + hour)).toBeNull();
    await store.sessions.revoke({ sessionId: session.sessionId, userId: user.userId, appId, now: t0 });
    expect(await find(t0)).toBeNull();
  });

  it("ended sessions do not count against the cap", async () => {
    const { store } = scene;
    const contact = email();
    const { session } = await signIn(store, contact);
    await signIn(store, contact, { newSession: newSession({ idleExpiresAt: t0 + minute }) });
    await signIn(store, contact, { now: t0 + hour, sessionsMax: 2 });
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 + hour })).not.toBeNull();
  });

  it("a list holds the user's own live sessions, most recently used first", async () => {
    const { store } = scene;
    const contact = email();
    const first = await signIn(store, contact, { now: t0 });
    const second = await signIn(store, contact, { now: t0 + 1 });
    await signIn(store, contact, { now: t0 + 2, newSession: newSession({ idleExpiresAt: t0 + minute }) });
    await signIn(store);
    await rotate(store, first.session, { now: t0 + hour });
    const listed = await store.sessions.list({ userId: first.user.userId, appId, now: t0 + hour });
    expect(listed.map(({ sessionId }) => sessionId)).toEqual([first.session.sessionId, second.session.sessionId]);
  });

  it("a session is live to the last millisecond of its idle and its absolute time", async () => {
    const { store } = scene;
    for (const ends of [{ idleExpiresAt: t0 + hour }, { idleExpiresAt: t0 + hour, expiresAt: t0 + hour }]) {
      const { session } = await signIn(store, email(), { newSession: newSession(ends) });
      const { sessionId, family, clientId } = session;
      expect(await store.sessions.findLive({ sessionId, now: t0 + hour - 1 })).not.toBeNull();
      expect(await store.sessions.findLive({ sessionId, now: t0 + hour })).toBeNull();
      expect(await store.sessions.revokeFamily({ family, clientId, now: t0 + hour })).toBe(false);
    }
  });

  it("a revocation ends the session at once and can't be repeated; 20 racers, one true", async () => {
    const { store } = scene;
    const { session, user } = await signIn(store);
    const change = { sessionId: session.sessionId, userId: user.userId, appId, now: t0 };
    const revoked = await Promise.all(times(20, () => store.sessions.revoke(change)));
    expect(revoked.filter(Boolean)).toHaveLength(1);
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toBeNull();
    expect(await rotate(store, session)).toEqual({ kind: "ended" });
  });

  it("another user, another client, an unknown id or family revoke nothing", async () => {
    const { store } = scene;
    const { session, user } = await signIn(store);
    const stranger = await signIn(store);
    const watched = { now: t0, users: [user.userId, stranger.user.userId] };
    await expectNothingHappened(store, watched, async () => {
      const { sessionId, family } = session;
      expect(await store.sessions.revoke({ sessionId, userId: stranger.user.userId, appId, now: t0 })).toBe(false);
      expect(await store.sessions.revoke({ sessionId: "nothing", userId: user.userId, appId, now: t0 })).toBe(false);
      expect(await store.sessions.revokeFamily({ family, clientId: "another", now: t0 })).toBe(false);
      expect(await store.sessions.revokeFamily({ family: bytes("unknown"), clientId: "client", now: t0 })).toBe(false);
    });
  });

  it("a family is revoked by its own client", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const change = { family: session.family, clientId: session.clientId, now: t0 };
    expect(await store.sessions.revokeFamily(change)).toBe(true);
    expect(await store.sessions.revokeFamily(change)).toBe(false);
    expect(await rotate(store, session)).toEqual({ kind: "ended" });
  });

  it("all other sessions are revoked and counted, the kept one and other users' live on, while 20 refreshes race", async () => {
    const { store } = scene;
    const contact = email();
    const made: Session[] = [];
    for (const index of times(20, Number)) made.push((await signIn(store, contact, { now: t0 + index })).session);
    const stranger = await signIn(store);
    const [keep, ...others] = made;
    const { userId, sessionId: keepSessionId } = keep!;
    const refreshes = others.map((session) => rotate(store, session));
    const revoked = store.sessions.revokeOthers({ userId, appId, keepSessionId, now: t0 + hour });
    const late = others.map((session) => rotate(store, session));
    await Promise.all([...refreshes, ...late]);
    expect(await revoked).toBe(19);
    expect((await store.sessions.list({ userId, appId, now: t0 + hour })).map(({ sessionId }) => sessionId)).toEqual([
      keepSessionId,
    ]);
    for (const session of others) expect(await rotate(store, session, { generation: 1 })).toEqual({ kind: "ended" });
    expect(await store.sessions.list({ userId: stranger.user.userId, appId, now: t0 })).toHaveLength(1);
    expect(await store.sessions.revokeOthers({ userId, appId, keepSessionId, now: t0 + hour })).toBe(0);
  });

  it("the sessions of a client end page by page, each once, and other clients' live on, while refreshes race", async () => {
    const { store } = scene;
    const started = async (clientId: string) =>
      (await signIn(store, email(), { newSession: newSession({ clientId }) })).session;
    const own: Session[] = [];
    const others: Session[] = [];
    for (let n = 0; n < 7; n += 1) own.push(await started("leaving"));
    for (let n = 0; n < 4; n += 1) others.push(await started("client"));
    const refreshes = own.map((session) => rotate(store, session));
    let revoked = 0;
    for (let after: string | null = ""; after !== null; ) {
      const page: Awaited<ReturnType<typeof store.sessions.revokeOfClient>> = await store.sessions.revokeOfClient({
        clientId: "leaving",
        after,
        limit: 3,
      });
      revoked += page.revoked;
      after = page.next;
    }
    await Promise.all(refreshes);
    expect(revoked).toBe(7);
    for (const { sessionId } of own) expect(await store.sessions.findLive({ sessionId, now: t0 })).toBeNull();
    for (const { sessionId } of others) expect(await store.sessions.findLive({ sessionId, now: t0 })).not.toBeNull();
  });

  it("ended sessions are not counted as revoked", async () => {
    const { store } = scene;
    const contact = email();
    const keep = await signIn(store, contact, { newSession: newSession({ idleExpiresAt: t0 + day }) });
    await signIn(store, contact, { newSession: newSession({ idleExpiresAt: t0 + minute, keyId: "old" }) });
    const { userId, sessionId: keepSessionId } = keep.session;
    expect(await store.sessions.revokeOthers({ userId, appId, keepSessionId, now: t0 + hour })).toBe(0);
    expect(await store.keys.revokeSessions({ keyId: "old", now: t0 + hour, limit: 10 })).toBe(0);
  });
}
