import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { EpochMs } from "../../../src/model/time.js";
import { openStore } from "../../../src/store/open.js";
import type { BudgetCharge } from "../../../src/store/port/budgets.js";
import type { LockoutRule } from "../../../src/store/port/challenges.js";
import type { Store } from "../../../src/store/port/store.js";
import { openDatabase } from "../../../src/store/sqlite/sqlite.js";
import { startStoreProcesses } from "../../support/store-processes.js";
import {
  attemptOf,
  budgetOf,
  bytes,
  chargeOf,
  day,
  email,
  expectKind,
  expectNothingHappened,
  hour,
  issue,
  minute,
  newSession,
  queued,
  redemptionOf,
  register,
  rotate,
  second,
  signIn,
  t0,
  times,
  unique,
} from "../contract/fixtures.js";
import { append, endedTry, messageOf } from "../contract/message-fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();

let path: string;
let clock: EpochMs;
let store: Store;
let setBack: number[];

async function open(): Promise<void> {
  store = await openStore(
    { kind: "sqlite", path },
    { inFlight: () => 0, clock: () => clock, clockSetBack: (ms) => setBack.push(ms) },
  );
}

beforeEach(async () => {
  path = join(directory, `${unique("clock")}.db`);
  clock = t0;
  setBack = [];
  await open();
});
afterEach(() => store.close());

/** What an idle server does every second. */
const tick = () => store.upkeep.sweep({ now: clock, limit: 200 });

async function moveTo(time: EpochMs): Promise<void> {
  clock = time;
  await tick();
}

function mark(): EpochMs {
  const db = openDatabase(path);
  const high = db.prepare<[], EpochMs>("SELECT high FROM clock_mark").pluck().get()!;
  db.close();
  return high;
}

async function guess(challengeId: string, identifier: BudgetCharge) {
  return await store.challenges.takeAttempt({ ...attemptOf({ challengeId, clientId: "client" }), identifier, now: clock });
}

/** A guess at a new challenge, so that the budget alone refuses. */
async function guessAnew(identifier: BudgetCharge) {
  return await guess((await issue(store, {}, { now: clock })).challengeId, identifier);
}

const redeemNow = (challengeId: string) => store.challenges.redeem(redemptionOf(challengeId, { now: clock }));

describe("when the clock is set back by more than 2 s", () => {
  it.each([
    ["while the process runs", async () => {}],
    [
      "while no process runs",
      async () => {
        await store.close();
        await open();
      },
    ],
  ])(
    "%s, no code from before redeems, is guessed at or is sent: neither one that had expired nor one that was live",
    async (_, between) => {
      const expired = await issue(store);
      await moveTo(t0 + 6 * minute);
      const live = await issue(store, {}, { now: clock });
      const registration = await register(store, [email()]);
      const idempotency = bytes("call", 32);
      const proven = await issue(store, { purpose: "verify_contact" }, { now: clock });
      await store.challenges.redeem(redemptionOf(proven.challengeId, { idempotency, now: clock }));
      expect(await store.challenges.findRedemption({ idempotency, now: clock })).not.toBeNull();
      await moveTo(clock + second);

      clock = t0 + 2 * minute;
      await between();
      for (const { challengeId } of [expired, live, ...registration]) {
        expect(await redeemNow(challengeId)).toEqual({ kind: "refused", why: "expired" });
        expect(await guess(challengeId, chargeOf("guesses", 10))).toEqual({ kind: "refused", why: "expired" });
      }
      expect(await queued(store, clock + day)).toEqual([]);
      expect(await store.challenges.findRedemption({ idempotency, now: clock })).toBeNull();
      expect(setBack).toEqual([4 * minute + second]);

      const fresh = await issue(store, {}, { now: clock });
      expect(await queued(store, clock)).toEqual([fresh.challengeId]);
      expectKind(await redeemNow(fresh.challengeId), "redeemed");
    },
  );

  it.each([hour, 2 * hour, 365 * day])(
    "by %i ms, spent budgets stay spent for their window from now, and not longer",
    async (backMs) => {
      const charge: BudgetCharge = {
        key: bytes("guesses"),
        limits: [
          { max: 2, windowMs: hour },
          { max: 3, windowMs: day },
        ],
      };
      for (const at of [t0, t0 + minute]) {
        await moveTo(at);
        expectKind(await guessAnew(charge), "taken");
      }
      await moveTo(t0 + 2 * minute);
      clock -= backMs;
      const now = clock;
      expect(await guessAnew(charge)).toEqual({ kind: "limited", retryAt: now + hour });
      await moveTo(now + hour - 1);
      expect(await guessAnew(charge)).toEqual({ kind: "limited", retryAt: now + hour });
      await moveTo(now + hour);
      expectKind(await guessAnew(charge), "taken");
      expect(await guessAnew(charge)).toEqual({ kind: "limited", retryAt: now + day });
      await moveTo(now + day);
      expectKind(await guessAnew(charge), "taken");
    },
  );

  it("because it was ahead by mistake, units from before and from meanwhile are spent for a window from the correction at most", async () => {
    const charge = chargeOf("guesses", 2);
    expectKind(await guessAnew(charge), "taken");
    await moveTo(t0 + 3 * day);
    expectKind(await guessAnew(charge), "taken");
    await moveTo(t0 + 10 * minute);
    // The budget forgot the first unit while the clock was ahead.
    expect((await budgetOf(store, charge.key, clock)).spent).toEqual([clock]);
    expectKind(await guessAnew(charge), "taken");
    expect(await guessAnew(charge)).toEqual({ kind: "limited", retryAt: clock + hour });
  });

  it("a message that waits for another try expires, and a sent one stays as it is", async () => {
    const [waiting, sent] = [endedTry({ status: "queued", ended: { result: "temporary" } }), endedTry()];
    await moveTo(t0 + minute);
    await append(store, waiting, sent);
    await moveTo(t0);
    expect(await messageOf(store, waiting)).toMatchObject({ status: "expired", provider: "one" });
    expect(await messageOf(store, sent)).toMatchObject({ status: "sent" });
  });

  it("a hold keeps what was left of it", async () => {
    const charge = chargeOf("held", 10, day, { stepsMs: [15 * minute], jitter: 1 });
    expectKind(await guessAnew(charge), "taken");
    await moveTo(t0 + 5 * minute);
    clock -= day;
    expect(await guessAnew(charge)).toEqual({ kind: "limited", retryAt: clock + 10 * minute });
  });

  it("a lockout keeps what was left of it, and failures still count", async () => {
    const [locked, failing] = ["locked", "failing"].map((key) => ({
      key: bytes(key),
      failuresMax: 2,
      durationMs: 15 * minute,
    }));
    const fail = async (lockout: LockoutRule) => {
      const challenge = await issue(store, {}, { now: clock });
      return expectKind(await store.challenges.takeAttempt(attemptOf(challenge, { lockout, now: clock })), "taken").lockedUntil;
    };
    for (const rule of [locked!, locked!, failing!]) expect(await fail(rule)).toBeNull();
    await moveTo(t0 + 5 * minute);
    await moveTo(clock - 60 * day);
    expect(await store.challenges.findLockout({ key: locked!.key, now: clock })).toBe(clock + 10 * minute);
    expect(await fail(failing!)).toBeNull();
    expect(await fail(failing!)).toBe(clock + 15 * minute);
    await moveTo(clock + 10 * minute);
    expect(await store.challenges.findLockout({ key: locked!.key, now: clock })).toBeNull();
  });

  it("a refresh token that was spent stays spent, whatever time comes again", async () => {
    const { session } = await signIn(store);
    await moveTo(t0 + hour);
    expectKind(await rotate(store, session, { now: clock }), "rotated");
    await moveTo(t0 + 2 * hour);
    clock = t0 + hour;
    expectKind(await rotate(store, session, { now: clock }), "reused");
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: clock })).toBeNull();
  });

  it("an expired session stays ended, and a live one lives on, for its lifetimes from now at most", async () => {
    const lifetimes = { idleExpiresAt: t0 + 2 * day, expiresAt: t0 + 3 * day };
    const expired = await signIn(store, email(), { newSession: newSession({ ...lifetimes, idleExpiresAt: t0 + hour }) });
    await moveTo(t0 + 30 * minute);
    const { session } = await signIn(store, email(), { newSession: newSession(lifetimes), now: clock });
    clock = t0 + hour + 1;
    // A write that does not sweep.
    await store.upkeep.ping();
    clock = t0 - day;
    await store.upkeep.ping();
    expect(await store.sessions.findLive({ sessionId: expired.session.sessionId, now: clock })).toBeNull();
    const found = (await store.sessions.findLive({ sessionId: session.sessionId, now: clock }))!.session;
    expect(found.idleExpiresAt).toBe(clock + 2 * day - 30 * minute);
    expect(found.expiresAt).toBe(clock + 3 * day - 30 * minute);
    // The sign-in is not recent by a time that comes again.
    expect(found.createdAt).toBeLessThanOrEqual(clock - 10 * minute);
    const rotated = expectKind(await rotate(store, session, { now: clock, idleMs: 2 * day }), "rotated");
    expect(rotated.session.idleExpiresAt).toBe(clock + 2 * day);
  });

  it("in the very commit of a call, whose step runs after the mend", async () => {
    const challenge = await issue(store);
    await moveTo(t0 + 6 * minute);
    clock = t0 + minute;
    const racing = times(20, () => redeemNow(challenge.challengeId));
    expect(await Promise.all(racing)).toEqual(times(20, () => ({ kind: "refused", why: "expired" })));
  });

  it("processes that were started before mend it too, and of 80 racing redemptions none succeeds", async () => {
    const processes = await startStoreProcesses(4);
    try {
      // This process's clock was an hour ahead of the machine's, which the others read.
      clock = Date.now() + hour;
      await tick();
      const challenge = await issue(store, {}, { now: clock });
      const outcomes = await processes.race(
        { kind: "sqlite", path },
        "challenges.redeem",
        times(80, () => redemptionOf(challenge.challengeId, { now: Date.now() })),
      );
      expect(outcomes).toEqual(times(80, () => ({ kind: "refused", why: "expired" })));
      expect(mark()).toBeLessThan(clock - hour + minute);
    } finally {
      await processes.stop();
    }
  });
});

it("a clock that is set back by 2 s changes nothing", async () => {
  const challenge = await issue(store);
  const charge = chargeOf("guesses", 2);
  await guess(challenge.challengeId, charge);
  const { user } = await signIn(store);
  await moveTo(t0 + 10 * second);
  const watched = { challenges: [challenge.challengeId], budgets: [charge.key], users: [user.userId] };
  await expectNothingHappened(store, { now: t0 + 8 * second, ...watched }, () => moveTo(t0 + 8 * second));
  expect(setBack).toEqual([]);
  expect(mark()).toBe(t0 + 10 * second);
  expectKind(await redeemNow(challenge.challengeId), "redeemed");
});

it("the mark is written once a second while a code is live, every ten seconds otherwise, and never for a read", async () => {
  const marks = async (forMs: number) => {
    const seen = new Set([mark()]);
    for (const end = clock + forMs; clock < end; ) {
      await moveTo(clock + 100);
      seen.add(mark());
    }
    return seen.size - 1;
  };
  await tick();
  expect(await marks(20 * second)).toBe(2);
  await issue(store, {}, { now: clock });
  const issuedAt = clock;
  expect(await marks(10 * second)).toBe(10);
  const before = mark();
  clock = issuedAt + 4 * minute;
  await store.sessions.findLive({ sessionId: "none", now: clock });
  expect(mark()).toBe(before);
});
