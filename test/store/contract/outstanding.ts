import { expect, it } from "vitest";
import {
  appId,
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  email,
  hour,
  issue,
  minute,
  poolId,
  queued,
  redemptionOf,
  register,
  rotate,
  type Scene,
  signIn,
  t0,
} from "./fixtures.js";

export function outstanding(scene: Scene): void {
  it("ends all sessions and challenges, empties the outbox and forgets calls; users, keys, budgets and lockouts stay", async () => {
    const { store } = scene;
    const [contact, charge] = [email(), chargeOf("budget", 5, day)];
    const { session, user } = await signIn(store, contact, { idempotency: bytes("redeem") });
    await signIn(store);
    const challenge = await issue(store, { contact }, { charges: [charge], idempotency: bytes("issue") });
    const [registration] = await register(store, [email(), email()]);
    const check = { use: "master", keyId: "1", check: bytes("check") } as const;
    await store.keys.addCheck(check);
    const lockout = { key: bytes("account"), failuresMax: 1, durationMs: hour };
    await store.challenges.takeAttempt(attemptOf(challenge, { lockout }));

    expect(await store.upkeep.endOutstanding({ keepSessions: false })).toBe(2);

    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toBeNull();
    expect(await rotate(store, session)).toEqual({ kind: "ended" });
    for (const { challengeId } of [challenge, registration!]) {
      expect(await store.challenges.find(challengeId)).toBeNull();
      expect(await store.challenges.redeem(redemptionOf(challengeId))).toEqual({ kind: "refused", why: "unknown" });
    }
    expect(await queued(store, t0 + hour)).toEqual([]);
    expect(await store.challenges.findRedemption({ idempotency: bytes("redeem"), now: t0 })).toBeNull();
    const recipientOf = { identifier: contact, channel: "email", poolId, appId, trustClaims: false } as const;
    const prepared = await store.challenges.prepareSend({ idempotency: bytes("issue"), recipientOf, guards: [], now: t0 });
    expect(prepared).toMatchObject({ kind: "ready", recipient: { userId: user.userId } });
    expect((await budgetOf(store, charge.key, t0)).spent).toEqual([t0]);
    expect(await store.challenges.findLockout({ key: lockout.key, now: t0 })).toBe(t0 + minute + hour);
    expect(await store.keys.listChecks()).toEqual([check]);
    expect((await signIn(store, contact)).user.userId).toBe(user.userId);
  });

  it("kept sessions go on from the generation they have, and forget the call that made it", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const call = { idempotency: bytes("rotation"), now: t0 + hour };
    expect(await rotate(store, session, call)).toMatchObject({ kind: "rotated" });
    const challenge = await issue(store);

    expect(await store.upkeep.endOutstanding({ keepSessions: true })).toBe(0);

    expect(await store.challenges.find(challenge.challengeId)).toBeNull();
    const now = t0 + hour + minute;
    expect(await rotate(store, session, { generation: 1, now })).toMatchObject({ kind: "rotated", session: { generation: 2 } });
    const { session: other } = await signIn(store);
    await rotate(store, other, call);
    await store.upkeep.endOutstanding({ keepSessions: true });
    expect(await rotate(store, other, { ...call, now })).toMatchObject({ kind: "reused" });
  });

  it("does nothing to an empty database", async () => {
    expect(await scene.store.upkeep.endOutstanding({ keepSessions: false })).toBe(0);
  });
}
