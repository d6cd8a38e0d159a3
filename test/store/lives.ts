import { expect } from "vitest";
import type { Store } from "../../src/store/port/store.js";
import {
  appId,
  attemptOf,
  bytes,
  chargeOf,
  done,
  email,
  expectKind,
  guardOf,
  issueOf,
  minute,
  newChallenge,
  phone,
  putOff,
  redeem,
  redemptionOf,
  register,
  rotate,
  t0,
  times,
  unique,
} from "./contract/fixtures.js";

/**
 * What a user does, from the first code to the end of the account, each step by the next store: sends, repeats, guesses, sign-ins,
 * refreshes and the outbox. Throws if a step does not end as it has to.
 */
export async function live(next: () => Store): Promise<void> {
  const [contact, other] = [email(), phone()];
  const charges = [chargeOf(unique("sends"), 9)];
  const challenge = newChallenge({ contact });
  const mac = bytes(unique("call"), 32);
  const change = issueOf(challenge, { guard: guardOf(challenge, { charges }), idempotency: mac });
  expectKind(await next().challenges.issue(change), "issued");
  const replayed = expectKind(await next().challenges.issue(change), "replayed");
  expect(replayed.challenges).toMatchObject([{ challengeId: challenge.challengeId, attempts: 0 }]);
  const { challengeId, clientId, requesterKey } = challenge;
  const resend = { challengeId, clientId, requesterKey, charges, idempotency: null, now: t0 + minute };
  const resent = expectKind(await next().challenges.resend(resend), "resent");
  expect(resent.challenge).toMatchObject({ challengeId, sends: 2, contact });
  expectKind(await next().challenges.takeAttempt(attemptOf(challenge)), "taken");
  const found = await next().challenges.find(challengeId);
  expect(found).toMatchObject({ attempts: 1, sends: 2 });
  const returns = [{ key: charges[0]!.key, spentAt: t0 }];
  const signedIn = await redeem(next(), challengeId, { returns, idempotency: bytes(challengeId, 32) });
  expectKind(await next().challenges.redeem(redemptionOf(challengeId)), "refused");
  expect(await next().challenges.findRedemption({ idempotency: bytes(challengeId, 32), now: t0 + minute })).not.toBeNull();

  const [first, second] = await register(next(), [contact, other]);
  const again = await redeem(next(), first!.challengeId);
  expect(again.user.userId).toBe(signedIn.user.userId);
  expectKind(await next().challenges.redeem(redemptionOf(second!.challengeId)), "refused");
  expectKind(await rotate(next(), again.session), "rotated");
  expectKind(await rotate(next(), again.session), "replayed");
  const { userId } = again.user;
  expect(await next().users.update({ appId, userId, displayName: "Ada L." })).toMatchObject({ displayName: "Ada L." });
  expect(await next().sessions.list({ userId, appId, now: t0 })).toHaveLength(2);
  expect(await next().sessions.revokeOthers({ userId, appId, keepSessionId: again.session.sessionId, now: t0 })).toBe(1);
  expect(await next().sessions.findLive({ sessionId: again.session.sessionId, now: t0 })).not.toBeNull();
  const messages = await next().outbox.claim({ now: t0 + minute, leaseMs: minute, limit: 5 });
  await next().outbox.settle(messages.map((message, index) => (index === 0 ? putOff(message, t0) : done(message))));
  await next().upkeep.sweep({ now: t0, limit: 10 });
  expect(await next().users.erase({ userId, now: t0 })).toBe(true);
}

/** Lives lived beside each other until they are stopped. */
export interface Lives {
  readonly stores: Store[];
  readonly lived: number;
  /** Resolves when so many more lives have been lived, or one has failed. */
  more(lives: number): Promise<void>;
  /** Resolves when all have ended; gives what failed. */
  stop(): Promise<readonly unknown[]>;
}

/** @param stores Each step of a life is made by one of them, drawn by chance; more may be added meanwhile. */
export function startLives(stores: Store[], atOnce: number): Lives {
  let lived = 0;
  let running = true;
  const failures: unknown[] = [];
  const waiting = new Set<() => void>();
  const next = () => stores[Math.floor(Math.random() * stores.length)]!;
  const lives = times(atOnce, async () => {
    while (running && failures.length === 0) {
      await live(next).catch((error: unknown) => failures.push(error));
      lived += 1;
      for (const look of waiting) look();
    }
  });
  return {
    stores,
    get lived() {
      return lived;
    },
    more(count) {
      const enough = lived + count;
      return new Promise((resolve) => {
        const look = () => {
          if (lived < enough && failures.length === 0) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
    async stop() {
      running = false;
      await Promise.all(lives);
      return failures;
    },
  };
}
