import { expect, it } from "vitest";
import {
  appId,
  bytes,
  day,
  email,
  expectKind,
  expectNothingHappened,
  hour,
  minute,
  newSession,
  rotate,
  type Scene,
  signIn,
  t0,
  times,
  unique,
} from "./fixtures.js";

/** Sessions with a credential instead of refresh tokens. */
export function credentials(scene: Scene): void {
  const start = async (changes: object = {}, contact = email()) => {
    const credentialHash = bytes(unique("credential"), 32);
    const started = await signIn(scene.store, contact, { newSession: newSession({ credentialHash, ...changes }) });
    return { credentialHash, ...started };
  };

  it("a session is found by the hash of its credential, with its user, as by its id", async () => {
    const { store } = scene;
    const { credentialHash, session, user } = await start();
    await signIn(store);
    expect(session.credentialHash).toEqual(credentialHash);
    const found = await store.sessions.findByCredential({ credentialHash, now: t0 });
    expect(found).toEqual({ session, user });
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toEqual(found);
    expect(await store.sessions.findByCredential({ credentialHash: bytes("another", 32), now: t0 })).toBeNull();
  });

  it("a session with refresh tokens has no credential, however many there are", async () => {
    const sessions = [await signIn(scene.store), await signIn(scene.store)];
    expect(sessions.map(({ session }) => session.credentialHash)).toEqual([null, null]);
  });

  it("a credential works to the last millisecond of the session, and not once it is revoked or its user is deleted", async () => {
    const { store } = scene;
    const [expiring, revoked, deleted] = [await start({ idleExpiresAt: t0 + hour }), await start(), await start()];
    const find = ({ credentialHash }: { credentialHash: Uint8Array }, now = t0) =>
      store.sessions.findByCredential({ credentialHash, now });
    expect(await find(expiring, t0 + hour - 1)).not.toBeNull();
    expect(await find(expiring, t0 + hour)).toBeNull();
    const { sessionId, userId } = revoked.session;
    expect(await store.sessions.revoke({ sessionId, userId, appId, now: t0 })).toBe(true);
    expect(await find(revoked)).toBeNull();
    expect(await store.users.erase({ userId: deleted.user.userId, now: t0 })).toBe(true);
    expect(await find(deleted)).toBeNull();
  });

  it("use moves the idle end, never beyond the session's end, never back, and shows as the latest use", async () => {
    const { store } = scene;
    const { session } = await start({ idleExpiresAt: t0 + hour, expiresAt: t0 + 3 * hour });
    const { sessionId } = session;
    const touch = (now: number, idleExpiresAt: number) => store.sessions.touch({ sessionId, idleExpiresAt, now });
    const now = t0 + minute;
    const look = async () => (await store.sessions.findLive({ sessionId, now: t0 + 50 * minute }))?.session;
    await touch(now, now + hour);
    expect(await look()).toEqual({ ...session, lastUsedAt: now, idleExpiresAt: now + hour });
    await touch(now + minute, t0 + 10 * hour);
    expect(await look()).toEqual({ ...session, lastUsedAt: now + minute, idleExpiresAt: t0 + 3 * hour });
    await touch(now, t0 + minute);
    expect(await look()).toEqual({ ...session, lastUsedAt: now + minute, idleExpiresAt: t0 + 3 * hour });
    const days = await start({ idleExpiresAt: t0 + day });
    await store.sessions.touch({ sessionId: days.session.sessionId, idleExpiresAt: t0 + 3 * day, now: t0 + hour });
    await store.upkeep.sweep({ now: t0 + 3 * day - 1, limit: 100 });
    const late = { sessionId: days.session.sessionId, now: t0 + 3 * day - 1 };
    expect(await store.sessions.findLive(late)).not.toBeNull();
  });

  it("use of a session that ended, is unknown or has refresh tokens changes nothing", async () => {
    const { store } = scene;
    const ended = await start({ idleExpiresAt: t0 + minute });
    const revoked = await start();
    const { session, user } = await signIn(store);
    await store.sessions.revoke({
      sessionId: revoked.session.sessionId,
      userId: revoked.user.userId,
      appId,
      now: t0,
    });
    const watched = { now: t0 + minute, users: [user, ended.user, revoked.user].map(({ userId }) => userId) };
    await expectNothingHappened(store, watched, async () => {
      for (const sessionId of [ended.session.sessionId, revoked.session.sessionId, "unknown", session.sessionId]) {
        await store.sessions.touch({ sessionId, idleExpiresAt: t0 + day, now: t0 + minute });
      }
    });
    expect(await store.sessions.findByCredential({ credentialHash: ended.credentialHash, now: t0 + minute })).toBeNull();
    // The grace period of a refresh token counts from the rotation alone.
    expectKind(await rotate(store, session, { now: t0 + hour }), "rotated");
    await store.sessions.touch({ sessionId: session.sessionId, idleExpiresAt: t0 + day, now: t0 + 2 * hour });
    expectKind(await rotate(store, session, { now: t0 + 2 * hour }), "reused");
  });

  it("20 uses race a revocation: the session has ended and does not come back", async () => {
    const { store } = scene;
    const { session, credentialHash } = await start();
    const { sessionId, userId } = session;
    const touch = () => store.sessions.touch({ sessionId, idleExpiresAt: t0 + 8 * day, now: t0 + minute });
    const revoked = store.sessions.revoke({ sessionId, userId, appId, now: t0 + minute });
    await Promise.all([...times(10, touch), revoked, ...times(10, touch)]);
    expect(await revoked).toBe(true);
    expect(await store.sessions.findByCredential({ credentialHash, now: t0 + minute })).toBeNull();
  });

  it("the cap on a user's sessions counts those with a credential too, by their latest use", async () => {
    const { store } = scene;
    const contact = email();
    const first = await start({}, contact);
    const second = await start({}, contact);
    const touched = { sessionId: first.session.sessionId, idleExpiresAt: t0 + 7 * day, now: t0 + minute };
    await store.sessions.touch(touched);
    await signIn(store, contact, { sessionsMax: 2, now: t0 + 2 * minute });
    const find = ({ credentialHash }: { credentialHash: Uint8Array }) =>
      store.sessions.findByCredential({ credentialHash, now: t0 + 2 * minute });
    expect(await find(first)).not.toBeNull();
    expect(await find(second)).toBeNull();
  });
}
