import { expect, it } from "vitest";
import type { Challenge, NewChallenge } from "../../../src/model/challenge.js";
import type { DatabaseLocation } from "../../../src/store/open.js";
import type { Redemption } from "../../../src/store/port/redemption.js";
import type { Store } from "../../../src/store/port/store.js";
import { connect } from "../../../src/store/sqlite/connect.js";
import { query } from "../../support/postgres.js";
import {
  appId,
  bytes,
  chargeOf,
  email,
  expectKind,
  expectNothingHappened,
  guardOf,
  issue,
  issueOf,
  minute,
  newChallenge,
  phone,
  prove,
  redemptionOf,
  register,
  type Scene,
  signIn,
  t0,
} from "./fixtures.js";

const now = t0 + minute;

/**
 * What a redemption writes late: one engine ends with the returns of budgets, the other with the memory of the call. A budget that
 * becomes empty is deleted by one engine and kept by the other.
 */
const lateWrites = {
  "return of a budget": { sqlite: "DELETE ON budgets", postgres: "UPDATE ON budgets" },
  "memory of the call": { sqlite: "INSERT ON idempotency", postgres: "INSERT ON idempotency" },
} as const;

/** Lets the database refuse a kind of write while something is done. */
async function refusing(location: DatabaseLocation, write: string, act: () => Promise<void>): Promise<void> {
  await run(
    location,
    location.kind === "sqlite"
      ? `CREATE TRIGGER refuse BEFORE ${write} BEGIN SELECT RAISE(ABORT, 'refused by the test'); END`
      : `CREATE FUNCTION refuse() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$;
        CREATE TRIGGER refuse BEFORE ${write} EXECUTE FUNCTION refuse()`,
  );
  try {
    await act();
  } finally {
    await run(location, location.kind === "sqlite" ? "DROP TRIGGER refuse" : "DROP FUNCTION refuse CASCADE");
  }
}

async function run(location: DatabaseLocation, sql: string): Promise<void> {
  if (location.kind === "postgres") {
    await query(location, sql);
    return;
  }
  const db = connect(location.path, { timeout: 2_000 });
  db.exec(sql);
  db.close();
}

interface Prepared {
  readonly challenge: Challenge;
  /** What the redemption changes too, or must leave alone. */
  readonly siblings: readonly Challenge[];
  /** The user that it signs in, if it is there before. */
  readonly userId?: string;
}

/** What each effect needs to make, change and end all that it can. */
const effects: Readonly<Record<string, readonly [kind: Redemption["kind"], (store: Store) => Promise<Prepared>]>> = {
  "a login that makes a user": [
    "signed_in",
    async (store) => {
      const contact = email();
      return { challenge: await issue(store, { contact }), siblings: await siblingsOf(store, { contact }) };
    },
  ],
  "a login of a user with as many sessions as may be": [
    "signed_in",
    async (store) => {
      const contact = email();
      const { user } = await signIn(store, contact);
      const { userId } = user;
      return { challenge: await issue(store, { contact, userId }), siblings: await siblingsOf(store, { contact }), userId };
    },
  ],
  "a registration's last source": [
    "signed_in",
    async (store) => {
      const [contact, number] = [email(), phone()];
      const [first, last] = await register(store, [contact, number]);
      await prove(store, first!.challengeId);
      return { challenge: last!, siblings: [first!, ...(await siblingsOf(store, { contact: number }))] };
    },
  ],
  "a registration's source that has a user": [
    "signed_in",
    async (store) => {
      const contact = email();
      const { user } = await signIn(store, contact);
      const [first, last] = await register(store, [contact, phone()]);
      return { challenge: first!, siblings: [last!, ...(await siblingsOf(store, { contact }))], userId: user.userId };
    },
  ],
  "a registration's source that leaves another pending": [
    "pending",
    async (store) => {
      const [first, last] = await register(store, [email(), phone()]);
      return { challenge: first!, siblings: [last!] };
    },
  ],
  "a proof of contact": [
    "proven",
    async (store) => {
      const proof = { contact: email(), purpose: "verify_contact" } as const;
      return { challenge: await issue(store, proof), siblings: await siblingsOf(store, proof) };
    },
  ],
};

/** One of the requester's own and one of a stranger. */
async function siblingsOf(store: Store, changes: Partial<NewChallenge>): Promise<Challenge[]> {
  return [await issue(store, changes), await issue(store, { ...changes, requesterKey: bytes("stranger") })];
}

export function rollback(scene: Scene): void {
  for (const [write, on] of Object.entries(lateWrites)) {
    for (const [what, [kind, prepare]] of Object.entries(effects)) {
      it(`${what} is undone whole when its late ${write} fails, and can be redeemed after that`, async () => {
        const { store, location } = scene;
        const { challenge, siblings, userId } = await prepare(store);
        const charge = chargeOf("sends", 5);
        const spending = newChallenge();
        await store.challenges.issue(issueOf(spending, { guard: guardOf(spending, { charges: [charge] }) }));
        const change = redemptionOf(challenge.challengeId, {
          idempotency: bytes("call", 32),
          returns: [{ key: charge.key, spentAt: t0 }],
          sessionsMax: 1,
        });
        const { newUser, newSession } = change;
        const watched = {
          now,
          challenges: [challenge, ...siblings].map(({ challengeId }) => challengeId),
          budgets: [charge.key],
          users: [newUser.userId, ...(userId === undefined ? [] : [userId])],
        };
        await refusing(location, on[location.kind], async () => {
          await expectNothingHappened(store, watched, async () => {
            await expect(store.challenges.redeem(change)).rejects.toThrow("refused by the test");
          });
          expect(await store.users.update({ appId, userId: newUser.userId, displayName: "x" })).toBeNull();
          expect(await store.sessions.findLive({ sessionId: newSession!.sessionId, now })).toBeNull();
          expect(await store.challenges.findRedemption({ idempotency: change.idempotency!, now })).toBeNull();
        });
        const { redemption } = expectKind(await store.challenges.redeem(change), "redeemed");
        expectKind(redemption, kind);
      });
    }
  }
}
