import { expect, it } from "vitest";
import type { NewSession } from "../../../src/model/session.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  bytes,
  day,
  expectKind,
  expectNothingHappened,
  hour,
  newSession,
  ofKind,
  type RotateChange,
  rotate,
  type Scene,
  second,
  signIn,
  t0,
  times,
} from "./fixtures.js";

const at = t0 + hour;
const key = bytes("refresh", 32);

async function isLive(store: Store, { sessionId }: NewSession, now = at): Promise<boolean> {
  return (await store.sessions.findLive({ sessionId, now })) !== null;
}

export function refresh(scene: Scene): void {
  it("a rotation adds a generation, moves the idle end and notes the use", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const { session: rotated } = expectKind(await rotate(store, session), "rotated");
    expect(rotated).toEqual({ ...session, generation: 1, lastUsedAt: at, idleExpiresAt: at + 7 * day });
    expect((await store.sessions.findLive({ sessionId: session.sessionId, now: at }))?.session).toEqual(rotated);
  });

  it("of 100 racing rotations with one token one is rotated, all others are replayed the same successor", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const outcomes = await Promise.all(times(100, () => rotate(store, session)));
    const [rotated] = ofKind(outcomes, "rotated");
    expect(ofKind(outcomes, "rotated")).toHaveLength(1);
    expect(ofKind(outcomes, "replayed")).toEqual(times(99, () => ({ kind: "replayed", session: rotated!.session })));
  });

  it("with no grace and no key 20 racers end the session: one rotated, one reused, all others ended", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const outcomes = await Promise.all(times(20, () => rotate(store, session, { graceMs: 0 })));
    expect(ofKind(outcomes, "rotated")).toHaveLength(1);
    expect(ofKind(outcomes, "reused")).toHaveLength(1);
    expect(ofKind(outcomes, "ended")).toHaveLength(18);
    expect(await isLive(store, session)).toBe(false);
  });

  it("the predecessor is replayed within the grace, and reused after it", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    await rotate(store, session);
    expectKind(await rotate(store, session, { now: at + 10 * second - 1 }), "replayed");
    const reused = await rotate(store, session, { now: at + 10 * second + 1 });
    expect(reused).toEqual({ kind: "reused", sessionId: session.sessionId });
    expect(await isLive(store, session)).toBe(false);
    expectKind(await rotate(store, session, { generation: 1, now: at + 10 * second + 1 }), "ended");
  });

  it("a replay changes nothing: it prolongs neither grace nor idle time", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    await rotate(store, session);
    await expectNothingHappened(store, { now: at, users: [session.userId] }, async () => {
      expectKind(await rotate(store, session, { now: at + 9 * second }), "replayed");
    });
    expectKind(await rotate(store, session, { now: at + 11 * second }), "reused");
  });

  it("with the key of its rotation the predecessor is replayed for as long as the successor is unused", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const { session: rotated } = expectKind(await rotate(store, session, { idempotency: key }), "rotated");
    const again = await rotate(store, session, { idempotency: key, now: at + 6 * day });
    expect(again).toEqual({ kind: "replayed", session: rotated });
    await rotate(store, session, { generation: 1, now: at + 6 * day });
    expectKind(await rotate(store, session, { idempotency: key, now: at + 6 * day + 1 }), "reused");
  });

  it.each([
    ["another key", bytes("another", 32)],
    ["no key", null],
  ])("after the grace a predecessor with %s is reused", async (_, idempotency) => {
    const { store } = scene;
    const { session } = await signIn(store);
    await rotate(store, session, { idempotency: key });
    expectKind(await rotate(store, session, { idempotency, now: at + minuteAfterGrace }), "reused");
    expect(await isLive(store, session)).toBe(false);
  });

  it("a rotation without a key is not replayed to a caller without one after the grace", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    await rotate(store, session);
    expectKind(await rotate(store, session, { now: at + minuteAfterGrace }), "reused");
  });

  it("a grandparent is reused even within the grace, with the right key too", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    await rotate(store, session, { idempotency: key });
    await rotate(store, session, { generation: 1, idempotency: key, now: at + 1 });
    expectKind(await rotate(store, session, { generation: 0, idempotency: key, now: at + 2 }), "reused");
    expect(await isLive(store, session)).toBe(false);
  });

  it("a generation that the database does not know yet is lost, and the session with it", async () => {
    const { store } = scene;
    for (const generation of [1, 2, 9_999_999_999]) {
      const { session } = await signIn(store);
      const outcome = await rotate(store, session, { generation });
      expect(outcome).toEqual({ kind: "lost", sessionId: session.sessionId });
      expect(await isLive(store, session)).toBe(false);
    }
  });

  const refusals: readonly [string, Partial<RotateChange>][] = [
    ["an unknown family", { family: bytes("unknown") }],
    ["another client", { clientId: "another" }],
    ["another client with an old generation", { clientId: "another", generation: 7 }],
    ["a session idle for too long", { now: t0 + 7 * day }],
    ["a session idle for too long, with an old generation", { now: t0 + 7 * day, generation: 7 }],
    ["a session past its absolute end", { now: t0 + 30 * day }],
  ];
  for (const [what, change] of refusals) {
    it(`${what} is ended: nothing is rotated or revoked`, async () => {
      const { store } = scene;
      const { session } = await signIn(store);
      await expectNothingHappened(store, { now: at, users: [session.userId] }, async () => {
        expect(await rotate(store, session, change)).toEqual({ kind: "ended" });
      });
      expectKind(await rotate(store, session), "rotated");
    });
  }

  it("a session can be refreshed up to the last millisecond of its idle time", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    expectKind(await rotate(store, session, { now: session.idleExpiresAt - 1 }), "rotated");
  });

  it("no number of rotations gets past the absolute end", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    let generation = 0;
    for (let now = t0 + 5 * day; now < t0 + 30 * day; now += 5 * day) {
      const { session: rotated } = expectKind(await rotate(store, session, { generation, now }), "rotated");
      generation += 1;
      expect(rotated).toMatchObject({ generation, expiresAt: t0 + 30 * day, createdAt: t0 });
      expect(rotated.idleExpiresAt).toBe(Math.min(now + 7 * day, t0 + 30 * day));
    }
    expectKind(await rotate(store, session, { generation, now: t0 + 30 * day }), "ended");
    expect(await isLive(store, session, t0 + 30 * day)).toBe(false);
  });

  it("a revocation racing with 50 rotations is final: nothing refreshes afterwards, predecessors and keys included", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const change = { family: session.family, clientId: session.clientId, now: at };
    const rotations = times(50, () => rotate(store, session, { idempotency: key }));
    const revoked = store.sessions.revokeFamily(change);
    await Promise.all([...rotations, ...times(50, () => rotate(store, session, { idempotency: key }))]);
    expect(await revoked).toBe(true);
    for (const generation of [0, 1]) expectKind(await rotate(store, session, { generation, idempotency: key }), "ended");
  });

  it("sessions of other families are untouched by a reuse", async () => {
    const { store } = scene;
    const { session } = await signIn(store);
    const other = await signIn(store, undefined, { newSession: newSession() });
    await rotate(store, session, { generation: 5 });
    expect(await isLive(store, other.session)).toBe(true);
  });
}

const minuteAfterGrace = 70 * second;
