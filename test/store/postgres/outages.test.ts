import type pg from "pg";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { StoreUnavailableError } from "../../../src/store/port/errors.js";
import type { Store } from "../../../src/store/port/store.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { eventually } from "../../support/app.js";
import { clientOf, query, testDatabases } from "../../support/postgres.js";
import { attemptOf, issue, minute, redemptionOf, signIn, t0, times } from "../contract/fixtures.js";

const databases = testDatabases();
let location: PostgresLocation;
let store: Store;
let other: pg.Client;

beforeEach(async () => {
  location = await databases.create();
  store = await openStore({ ...location, poolMax: 2 }, { inFlight: () => 0 });
  other = await clientOf(location);
});
afterEach(async () => {
  await other.end();
  await store.close();
});

/** Ends the connections of the store, from outside. */
async function endConnections(): Promise<void> {
  await other.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'latchkey'`);
}

/** Resolves when an operation of the store waits for a lock. */
async function waiting(count = 1): Promise<void> {
  const waiters = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await eventually("an operation that waits for a lock", async () =>
    (await query(location, waiters)).length >= count ? true : undefined,
  );
}

async function outcomeOf(operation: Promise<unknown>): Promise<unknown> {
  return await operation.catch((error: unknown) => error);
}

describe("PostgreSQL that is away", () => {
  it("an operation whose connection is ended is unavailable, wrote nothing, and the next ones work", async () => {
    const challenge = await issue(store);
    await other.query("BEGIN");
    await other.query("SELECT 1 FROM challenges FOR UPDATE");
    const attempt = outcomeOf(store.challenges.takeAttempt(attemptOf(challenge)));
    await waiting();
    await endConnections();
    expect(await attempt).toBeInstanceOf(StoreUnavailableError);
    await other.query("ROLLBACK");
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(0);
    expect(await store.challenges.takeAttempt(attemptOf(challenge))).toMatchObject({ kind: "taken" });
  });

  it("connections that were ended while idle end neither the process nor the service", async () => {
    const { session, user } = await signIn(store);
    await endConnections();
    const found = await eventually("the store's recovery", async () => {
      const answer = await outcomeOf(store.sessions.findLive({ sessionId: session.sessionId, now: t0 }));
      if (answer instanceof StoreUnavailableError) return undefined;
      return { answer };
    });
    expect(found.answer).toEqual({ session, user });
  });

  it("who waits for another's lock, or for a connection, is told within five seconds, and nothing was written", async () => {
    const challenge = await issue(store);
    await other.query("BEGIN");
    await other.query("SELECT 1 FROM challenges FOR UPDATE");
    const begunAt = performance.now();
    const outcomes = await Promise.all(times(5, () => outcomeOf(store.challenges.takeAttempt(attemptOf(challenge)))));
    expect(outcomes.every((outcome) => outcome instanceof StoreUnavailableError)).toBe(true);
    expect(performance.now() - begunAt).toBeLessThan(5_000);
    await other.query("ROLLBACK");
    expect((await store.challenges.find(challenge.challengeId))?.attempts).toBe(0);
  });

  it("closing waits for all that was begun, also for what still waits for a connection", async () => {
    const closing = await openStore({ ...location, poolMax: 1 }, { inFlight: () => 0 });
    const issued = times(20, () => outcomeOf(issue(closing)));
    await closing.close();
    for (const one of await Promise.all(issued)) expect(one).toHaveProperty("challengeId");
  });

  it("a read-only database answers reads; writes and the ping are unavailable", async () => {
    const challenge = await issue(store);
    await other.query(`ALTER DATABASE ${location.database} SET default_transaction_read_only = on`);
    const readOnly = await openStore(location, { inFlight: () => 0 });
    try {
      expect(await readOnly.challenges.find(challenge.challengeId)).toMatchObject(challenge);
      for (const write of [
        () => readOnly.upkeep.ping(),
        () => readOnly.challenges.takeAttempt(attemptOf(challenge)),
        () => issue(readOnly),
        () => readOnly.challenges.redeem(redemptionOf(challenge.challengeId)),
        () => readOnly.outbox.claim({ now: t0, leaseMs: 1, limit: 1 }),
        () => readOnly.upkeep.sweep({ now: t0, limit: 1 }),
        () => readOnly.keys.deleteCheck({ use: "master", keyId: "k" }),
      ]) {
        expect(await outcomeOf(write())).toBeInstanceOf(StoreUnavailableError);
      }
    } finally {
      await readOnly.close();
      await other.query(`ALTER DATABASE ${location.database} RESET default_transaction_read_only`);
    }
  });

  it.each<[string, Partial<PostgresLocation>]>([
    ["at a port where nobody listens", { hosts: [{ host: "127.0.0.1", port: 1 }] }],
    ["with a database that is not there", { database: "nothing" }],
    ["for a user that is not there", { user: "nobody" }],
    ["with TLS that the server does not have", { sslmode: "require" }],
  ])("opening a store %s is unavailable, and no message holds the password", async (_, changes) => {
    const wrong = { ...location, password: "sensitive-word", ...changes };
    const error = await outcomeOf(
      openStore(changes.database === undefined ? wrong : { ...wrong, password: location.password }, { inFlight: () => 0 }),
    );
    expect(error).toBeInstanceOf(StoreUnavailableError);
    expect(String(error)).toMatch(/^StoreUnavailableError: PostgreSQL: ./);
    expect(String(error)).not.toContain("sensitive-word");
  });
});

describe("the clock of a process", () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([-1_500, 1_500])("that is %d ms off the database's keeps the process from being ready", async (offMs) => {
    await store.upkeep.ping();
    const real = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => real() + offMs);
    await expect(store.upkeep.ping()).rejects.toThrow("the clock of this machine is more than 1 s from the database server's");
    vi.restoreAllMocks();
    await store.upkeep.ping();
  });

  it("that was found to be off has every operation refused, and nothing is written until it is right again", async () => {
    const challenge = await issue(store);
    const { session } = await signIn(store);
    const challenges = () => query(location, "SELECT challenge_id FROM challenges ORDER BY 1");
    const before = await challenges();
    const real = Date.now;
    vi.spyOn(Date, "now").mockImplementation(() => real() + 24 * 60 * minute);
    const differs = "the clock of this machine is more than 1 s from the database server's";
    await expect(store.upkeep.sweep({ now: t0, limit: 1 })).rejects.toThrow(differs);
    for (const operation of [
      () => issue(store),
      () => store.challenges.takeAttempt(attemptOf(challenge)),
      () => store.sessions.findLive({ sessionId: session.sessionId, now: t0 }),
    ]) {
      const error = await outcomeOf(operation());
      expect(error).toBeInstanceOf(StoreUnavailableError);
      expect(String(error)).toContain(differs);
    }
    vi.restoreAllMocks();
    expect(String(await outcomeOf(issue(store)))).toContain(differs);
    await store.upkeep.ping();
    expect(await store.challenges.find(challenge.challengeId)).toMatchObject({ attempts: 0 });
    expect(await challenges()).toEqual(before);
    expect(await store.challenges.takeAttempt(attemptOf(challenge))).toMatchObject({ kind: "taken" });
  });

  it("that is 400 days ahead sweeps nothing away and adds no key", async () => {
    const { session } = await signIn(store);
    const keysBefore = await store.keys.list();
    const real = Date.now;
    const aheadMs = 400 * 24 * 60 * minute;
    vi.spyOn(Date, "now").mockImplementation(() => real() + aheadMs);
    const sealed = Buffer.from("sealed");
    const lateKey = {
      keyId: "late",
      use: "signing",
      alg: "ES256",
      publicJwk: "{}",
      sealed,
      createdAt: t0,
      activeAt: t0,
    } as const;
    const differs = "the clock of this machine is more than 1 s from the database server's";
    await expect(store.upkeep.sweep({ now: t0 + aheadMs, limit: 100 })).rejects.toThrow(differs);
    await expect(store.keys.add({ key: lateKey })).rejects.toThrow(differs);
    vi.restoreAllMocks();
    await store.upkeep.ping();
    expect(await store.sessions.findLive({ sessionId: session.sessionId, now: t0 })).toMatchObject({ session });
    expect(await store.keys.list()).toEqual(keysBefore);
    expect((await store.upkeep.sweep({ now: t0 + aheadMs, limit: 100 })).swept).toBeGreaterThan(0);
  });
});
