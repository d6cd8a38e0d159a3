import { expect } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { RedeemChange } from "../../../src/store/port/redemption.js";
import type { LiveSession } from "../../../src/store/port/sessions.js";
import type { Store } from "../../../src/store/port/store.js";
import {
  appId,
  attemptOf,
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
  redeem,
  redemptionOf,
  register,
  rotate,
  rotationOf,
  signIn,
  t0,
  unique,
} from "../contract/fixtures.js";
import { newKey } from "../contract/keys.js";

/** One operation, what it needs beforehand, and what has to be true once it was answered. */
export interface Act {
  readonly name: string;
  /** Gives the operation and, for after it, what it promises; `promise` changes nothing, and stays true. */
  prepare(store: Store): Promise<{ readonly act: () => Promise<unknown>; readonly promise: (store: Store) => Promise<void> }>;
}

const now = t0 + minute;
const later = t0 + hour;

const isLive = async (store: Store, { session }: LiveSession) =>
  (await store.sessions.findLive({ sessionId: session.sessionId, now: later })) !== null;

/** A code that bought something buys nothing again, and what erased it stays erased. */
async function expectSpent(store: Store, { challengeId }: Pick<Challenge, "challengeId">): Promise<void> {
  const again = await store.challenges.redeem(redemptionOf(challengeId, { now }));
  expect(again).toEqual({ kind: "refused", why: "consumed" });
}

function redemption(name: string, prepare: (store: Store) => Promise<Challenge>, changes: Partial<RedeemChange> = {}): Act {
  return {
    name,
    async prepare(store) {
      const challenge = await prepare(store);
      const idempotency = bytes(unique("call"), 32);
      const newSessionGiven = newSession();
      const change = redemptionOf(challenge.challengeId, { idempotency, newSession: newSessionGiven, now, ...changes });
      let given: unknown;
      return {
        act: async () => {
          given = expectKind(await store.challenges.redeem(change), "redeemed").redemption;
        },
        async promise(after) {
          await expectSpent(after, challenge);
          expect((await after.challenges.findRedemption({ idempotency, now }))?.redemption).toEqual(given);
        },
      };
    },
  };
}

function ofSession(
  name: string,
  act: (store: Store, live: LiveSession) => Promise<unknown>,
  promise: (store: Store, live: LiveSession) => Promise<void>,
  beforehand: (store: Store, live: LiveSession) => Promise<unknown> = async () => {},
): Act {
  return {
    name,
    async prepare(store) {
      const live = await signIn(store, email(), { newSession: newSession({ keyId: unique("master") }) });
      await beforehand(store, live);
      return { act: () => act(store, live), promise: (after) => promise(after, live) };
    },
  };
}

function ofKey(
  name: string,
  act: (store: Store, key: ReturnType<typeof newKey>) => Promise<unknown>,
  promise: (store: Store, key: ReturnType<typeof newKey>) => Promise<void>,
): Act {
  return {
    name,
    async prepare(store) {
      const key = newKey();
      await store.keys.add({ key });
      await store.keys.addCheck({ use: "pepper", keyId: key.keyId, check: key.sealed });
      return { act: () => act(store, key), promise: (after) => promise(after, key) };
    },
  };
}

const ended = async (store: Store, live: LiveSession) => expect(await isLive(store, live)).toBe(false);
const sealedOf = async (store: Store, keyId: string) =>
  (await store.keys.list()).find((key) => key.keyId === keyId)?.sealed ?? null;
const checksOf = async (store: Store, id: string) => (await store.keys.listChecks()).filter(({ keyId }) => keyId === id).length;

/** Everything that ends or gives something. */
export const flushedActs: readonly Act[] = [
  redemption("a redemption that makes a user and signs in", (store) => issue(store)),
  redemption("a redemption that signs an existing user in", async (store) => {
    const contact = email();
    await signIn(store, contact);
    return await issue(store, { contact });
  }),
  redemption("a redemption that proves a contact", (store) => issue(store, { purpose: "verify_contact" })),
  redemption(
    "a redemption that leaves a registration pending",
    async (store) => (await register(store, [email(), phone()]))[0]!,
  ),
  redemption("a redemption that starts no session", (store) => issue(store), { newSession: null }),
  ...(["cancel", "approve"] as const).map(
    (how): Act => ({
      name: `the end of a challenge by ${how}`,
      async prepare(store) {
        const { challengeId } = await issue(store);
        const change = { challengeId, appId, how, sendReturns: [], now };
        return {
          act: async () => expect(await store.challenges.end(change)).toBe(null),
          promise: async (after) =>
            expect(await after.challenges.end(change)).toBe(how === "cancel" ? "cancelled" : "consumed"),
        };
      },
    }),
  ),
  {
    name: "the end of a disowned challenge",
    async prepare(store) {
      const { challengeId } = await issue(store);
      return {
        act: async () => expect((await store.notMe.disown({ challengeId, now })).endedChallenge).toBe(true),
        promise: async (after) => expect((await after.challenges.find(challengeId))?.decoy).toBe(true),
      };
    },
  },
  {
    name: "the end of a session by its disowned challenge",
    async prepare(store) {
      const { challengeId } = await issue(store);
      const { session } = await redeem(store, challengeId, { now });
      return {
        act: async () => expect((await store.notMe.disown({ challengeId, now })).endedSessions).toBe(1),
        promise: async (after) =>
          expect(await after.sessions.findLive({ sessionId: session.sessionId, now: later })).toBeNull(),
      };
    },
  },
  ofSession(
    "a rotation",
    (store, { session }) => rotate(store, session, { now }),
    async (store, { session }) => {
      const found = await store.sessions.findLive({ sessionId: session.sessionId, now: later });
      expect(found?.session.generation).toBe(1);
    },
  ),
  ofSession(
    "the end of a session by the reuse of a refresh token",
    async (store, { session }) => expectKind(await rotate(store, session, { now: later }), "reused"),
    ended,
    async (store, { session }) => {
      for (const generation of [0, 1]) expectKind(await rotate(store, session, { generation, now }), "rotated");
    },
  ),
  ofSession(
    "the revocation of a session",
    (store, { session: { sessionId, userId } }) => store.sessions.revoke({ sessionId, userId, appId, now }),
    ended,
  ),
  ofSession(
    "the revocation of a refresh token",
    (store, { session: { family, clientId } }) => store.sessions.revokeFamily({ family, clientId, now }),
    ended,
  ),
  ofSession(
    "the revocation of a user's other sessions",
    (store, { user }) => store.sessions.revokeOthers({ userId: user.userId, appId, keepSessionId: "another", now }),
    ended,
  ),
  ofSession(
    "the revocation of a master key's sessions",
    (store, { session }) => store.keys.revokeSessions({ keyId: session.keyId, now, limit: 100 }),
    ended,
  ),
  ofSession(
    "the change of a user",
    (store, { user }) => store.users.update({ appId, userId: user.userId, displayName: "Grace" }),
    async (store, { session: { sessionId } }) => {
      expect((await store.sessions.findLive({ sessionId, now }))?.user.displayName).toBe("Grace");
    },
  ),
  ofSession(
    "the deletion of a user",
    (store, { user }) => store.users.erase({ userId: user.userId, now: t0 }),
    async (store, live) => {
      await ended(store, live);
      expect(await store.users.update({ appId, userId: live.user.userId, displayName: "Grace" })).toBe(null);
    },
  ),
  {
    name: "a new key",
    async prepare(store) {
      const key = newKey();
      return {
        act: () => store.keys.add({ key }),
        promise: async (after) => expect(await sealedOf(after, key.keyId)).toEqual(key.sealed),
      };
    },
  },
  ofKey(
    "a key that is sealed anew",
    (store, { keyId, sealed }) => store.keys.reseal({ keyId, was: sealed, sealed: bytes("anew", 32) }),
    async (store, { keyId }) => expect(await sealedOf(store, keyId)).toEqual(bytes("anew", 32)),
  ),
  ofKey(
    "the deletion of a key",
    (store, { keyId }) => store.keys.delete(keyId),
    async (store, { keyId }) => expect(await sealedOf(store, keyId)).toBe(null),
  ),
  {
    name: "a new key check",
    async prepare(store) {
      const check = { use: "master", keyId: unique("key"), check: bytes("check") } as const;
      return {
        act: () => store.keys.addCheck(check),
        promise: async (after) => expect(await checksOf(after, check.keyId)).toBe(1),
      };
    },
  },
  ofKey(
    "the deletion of a key check",
    (store, { keyId }) => store.keys.deleteCheck({ use: "pepper", keyId }),
    async (store, { keyId }) => expect(await checksOf(store, keyId)).toBe(0),
  ),
];

/** Ends everything of a database, so it can't be among others. */
export const endOutstanding: Act = ofSession(
  "the end of everything outstanding",
  (store) => store.upkeep.endOutstanding({ keepSessions: false }),
  ended,
);

/** Makes sure that everything before it is on the disk. */
async function flushed(store: Store): Promise<void> {
  await store.keys.addCheck({ use: "master", keyId: unique("key"), check: bytes("check") });
}

async function dueMessage(store: Store, challengeId: string) {
  const messages = await store.outbox.claim({ now, leaseMs: 0, limit: 10_000 });
  return messages.find(({ delivery }) => delivery?.challengeId === challengeId);
}

function ofChallenge(
  name: string,
  act: (store: Store, challenge: Challenge) => Promise<unknown>,
  promise: (store: Store, challenge: Challenge) => Promise<void>,
): Act {
  return {
    name,
    async prepare(store) {
      const challenge = await issue(store, { attemptsMax: 1_000, expiresAt: t0 + day });
      await flushed(store);
      return { act: () => act(store, challenge), promise: (after) => promise(after, challenge) };
    },
  };
}

/** Everything that only counts or queues. */
export const unflushedActs: readonly Act[] = [
  {
    name: "a send",
    async prepare(store) {
      let challengeId = "";
      return {
        act: async () => {
          challengeId = (await issue(store)).challengeId;
        },
        promise: async (after) => expect(await after.challenges.find(challengeId)).not.toBe(null),
      };
    },
  },
  ofChallenge(
    "a resend",
    async (store, { challengeId, clientId }) => {
      const change = { challengeId, clientId, requesterKey: bytes("requester"), idempotency: null, charges: [], now };
      expectKind(await store.challenges.resend(change), "resent");
    },
    async (store, { challengeId }) => expect((await store.challenges.find(challengeId))?.sends).toBe(2),
  ),
  ofChallenge(
    "an attempt",
    async (store, challenge) => expectKind(await store.challenges.takeAttempt(attemptOf(challenge)), "taken"),
    async (store, { challengeId }) => expect((await store.challenges.find(challengeId))?.attempts).toBe(1),
  ),
  ofChallenge(
    "a failure that locks an account",
    async (store, challenge) => {
      const lockout = { key: bytes(challenge.challengeId), failuresMax: 1, durationMs: hour };
      expectKind(await store.challenges.takeAttempt(attemptOf(challenge, { lockout })), "taken");
    },
    async (store, { challengeId }) =>
      expect(await store.challenges.findLockout({ key: bytes(challengeId), now })).toBe(now + hour),
  ),
  {
    name: "a budget spent by itself",
    async prepare(store) {
      const charges = [chargeOf(unique("budget"), 1)];
      await flushed(store);
      return {
        act: async () => expect(await store.budgets.spend({ charges, now })).toBe(null),
        promise: async (after) => expect(await after.challenges.findLimit({ charges, now })).not.toBe(null),
      };
    },
  },
  {
    name: "the use of a session's credential",
    async prepare(store) {
      const credentialHash = bytes(unique("credential"), 32);
      const { session } = await signIn(store, email(), { newSession: newSession({ credentialHash }) });
      return {
        act: () => store.sessions.touch({ sessionId: session.sessionId, idleExpiresAt: t0 + 8 * day, now }),
        promise: async (after) =>
          expect((await after.sessions.findByCredential({ credentialHash, now }))?.session.lastUsedAt).toBe(now),
      };
    },
  },
  ofChallenge(
    "a lease",
    (store) => store.outbox.claim({ now, leaseMs: minute, limit: 10_000 }),
    async (store, { challengeId }) => expect(await dueMessage(store, challengeId)).toBe(undefined),
  ),
  {
    name: "a settlement",
    async prepare(store) {
      const { challengeId } = await issue(store);
      const { outboxId, tries } = (await dueMessage(store, challengeId))!;
      await flushed(store);
      return {
        act: () => store.outbox.settle([done({ outboxId, tries })]),
        promise: async (after) => expect(await dueMessage(after, challengeId)).toBe(undefined),
      };
    },
  },
  ofChallenge(
    "a sweep",
    (store) => store.upkeep.sweep({ now: t0 + 10 * day, limit: 100 }),
    async (store, { challengeId }) => expect(await store.challenges.find(challengeId)).toBe(null),
  ),
];

/** Something to do beside an act, of which nothing is promised. */
export async function company(store: Store): Promise<void> {
  const challenge = await issue(store);
  await store.challenges.takeAttempt(attemptOf(challenge));
  await store.sessions.rotate(rotationOf(newSession()));
}

/** For `it.each`. */
export function named(acts: readonly Act[]): [string, Act][] {
  return acts.map((act) => [act.name, act]);
}
