import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import type { Store } from "../../../src/store/port/store.js";
import { openDatabase, openSqlite } from "../../../src/store/sqlite/sqlite.js";
import { createWriter } from "../../../src/store/sqlite/writer.js";
import { startStoreProcesses } from "../../support/store-processes.js";
import {
  appId,
  bytes,
  done,
  email,
  guardOf,
  issue,
  issueOf,
  minute,
  newChallenge,
  redeem,
  redemptionOf,
  register,
  signIn,
  t0,
  times,
  unique,
} from "../contract/fixtures.js";
import { append, endedTry } from "../contract/message-fixtures.js";
import { tempDir } from "../temp-dir.js";

const directory = tempDir();
const newPath = (): string => join(directory, `${unique("files")}.db`);

describe("the files of a SQLite database", () => {
  it("are made for the owner alone, WAL and shared memory too", async () => {
    const path = newPath();
    const store = openSqlite({ path, inFlight: () => 0 });
    await issue(store);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) expect(statSync(file).mode & 0o777, file).toBe(0o600);
    await store.close();
  });

  it("are written with WAL, commits that wait for the disk, overwriting of erased data, and waits that do not hold up others", () => {
    const db = openDatabase(newPath());
    const pragma = (name: string): unknown => db.pragma(name, { simple: true });
    expect(pragma("journal_mode")).toBe("wal");
    expect(pragma("synchronous"), "FULL").toBe(2);
    expect(pragma("wal_autocheckpoint")).toBe(500);
    expect(pragma("secure_delete")).toBe(1);
    expect(pragma("trusted_schema")).toBe(0);
    createWriter(db, () => 0);
    expect(pragma("busy_timeout")).toBeLessThanOrEqual(50);
    db.close();
  });

  describe("hold no copy of a sealed code after scrub() once it is erased:", () => {
    let path: string;
    let store: Store;
    beforeEach(() => {
      path = newPath();
      store = openSqlite({ path, inFlight: () => 0 });
    });
    afterEach(() => store.close());

    const holds = (mark: Buffer): boolean =>
      [path, `${path}-wal`].some((file) => existsSync(file) && readFileSync(file).includes(mark));

    /** Issues a marked challenge among others, ends it, and looks for the mark before and after. */
    async function expectErased(
      changes: Parameters<typeof issue>[1],
      end: (challenge: Challenge) => Promise<unknown>,
    ): Promise<void> {
      await Promise.all(times(20, () => issue(store)));
      const mark = bytes(unique("mark"), 32);
      const challenge = await issue(store, { ...changes, sealedCode: mark });
      await Promise.all(times(20, () => issue(store)));
      expect(holds(mark)).toBe(true);
      await store.upkeep.scrub();
      expect(holds(mark)).toBe(true);
      await end(challenge);
      await store.upkeep.scrub();
      expect(holds(mark)).toBe(false);
    }

    it("by redemption", () => expectErased({}, ({ challengeId }) => redeem(store, challengeId)));

    it("by a sibling's redemption", () => {
      const contact = email();
      return expectErased({ contact }, async () => redeem(store, (await issue(store, { contact })).challengeId));
    });

    it("by its user's deletion", async () => {
      const contact = email();
      const { user } = await signIn(store, contact);
      await expectErased({ contact, userId: user.userId }, () => store.users.erase({ userId: user.userId, now: t0 }));
    });

    it("and none of the contact's key and masked form in messages, after its user's deletion", async () => {
      const { user } = await signIn(store);
      const [contactKey, maskedDestination] = [bytes(unique("mark"), 32), unique("masked")];
      await append(store, endedTry({ contactKey, message: { userId: user.userId, maskedDestination } }));
      expect([contactKey, Buffer.from(maskedDestination)].map(holds)).toEqual([true, true]);
      await store.users.leave({ appId, userId: user.userId, now: t0 });
      await store.upkeep.scrub();
      expect([contactKey, Buffer.from(maskedDestination)].map(holds)).toEqual([false, false]);
    });

    it("by its expiry and a sweep", () => expectErased({}, () => store.upkeep.sweep({ now: t0 + 5 * minute, limit: 1_000 })));

    it("by its last message, when no send is left", () =>
      expectErased({ sendsMax: 1 }, async () => {
        const messages = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 100 });
        await store.outbox.settle(messages.map(done));
      }));

    it("and none of a registration's profile", async () => {
      const mark = bytes(unique("mark"), 32);
      const challenge = newChallenge({ purpose: "registration" });
      const registration = { registrationId: "r", sealedProfile: mark };
      await store.challenges.issue({
        ...issueOf(challenge),
        registration,
        challenges: [{ challenge, guard: guardOf(challenge) }],
      });
      expect(holds(mark)).toBe(true);
      await store.challenges.redeem(redemptionOf(challenge.challengeId));
      await store.upkeep.scrub();
      expect(holds(mark)).toBe(false);
    });

    it("while a code that may be sent again, or a registration that is pending, keeps its own", async () => {
      const mark = bytes(unique("mark"), 32);
      await issue(store, { sealedCode: mark });
      await register(store, [email()]);
      const messages = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 100 });
      await store.outbox.settle(messages.map(done));
      await store.upkeep.scrub();
      expect(holds(mark)).toBe(true);
    });
  });

  it("on a full disk keep what was acknowledged and nothing else, and need no repair", async () => {
    const location = { kind: "sqlite", path: newPath() } as const;
    const crowded = await startStoreProcesses(1, { fileBlocksMax: 1_000 });
    const acknowledged: string[] = [];
    let refused: string[] = [];
    let failure: unknown;
    while (failure === undefined && acknowledged.length < 5_000) {
      const challenges = times(20, () => newChallenge());
      const ids = challenges.map(({ challengeId }) => challengeId);
      await crowded
        .race(
          location,
          "challenges.issue",
          challenges.map((one) => issueOf(one)),
        )
        .then(
          () => acknowledged.push(...ids),
          (error: unknown) => {
            [failure, refused] = [error, ids];
          },
        );
    }
    await crowded.stop();
    expect(String(failure)).toContain("StoreUnavailableError");
    const store = openSqlite({ path: location.path, inFlight: () => 0 });
    const found = await Promise.all([...acknowledged, ...refused].map((id) => store.challenges.find(id)));
    expect(found.slice(0, acknowledged.length)).not.toContain(null);
    const messages = await store.outbox.claim({ now: t0, leaseMs: minute, limit: 10_000 });
    expect(messages).toHaveLength(found.filter((one) => one !== null).length);
    await issue(store);
    await store.close();
    const db = openDatabase(location.path);
    expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
    db.close();
  });
});
