import type pg from "pg";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Challenge } from "../../../src/model/challenge.js";
import { openStore } from "../../../src/store/open.js";
import type { Store } from "../../../src/store/port/store.js";
import { functionName } from "../../../src/store/postgres/functions/set.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { chargesParameter } from "../../../src/store/postgres/parameters.js";
import { eventually } from "../../support/app.js";
import { clientOf, query, testDatabases } from "../../support/postgres.js";
import { attemptOf, budgetOf, chargeOf, issue, minute, t0 } from "../contract/fixtures.js";

const databases = testDatabases();
const user = chargeOf("user", 5);
const userRequester = chargeOf("user and requester", 5);
let location: PostgresLocation;
let store: Store;
let clients: readonly [pg.Client, pg.Client];

beforeEach(async () => {
  location = await databases.create();
  store = await openStore(location, { inFlight: () => 0 });
  clients = [await clientOf(location), await clientOf(location)];
});
afterEach(async () => {
  for (const client of clients) await client.end();
  await store.close();
});

interface Taken {
  readonly outcome: string;
  readonly user_spent: boolean;
}

async function take(client: pg.Client, challenge: Challenge, identifierMax = 1_000): Promise<Taken> {
  const { challengeId, clientId, now } = attemptOf(challenge);
  const identifier = chargeOf(`zz ${challengeId}`, identifierMax);
  const charges = chargesParameter([
    { charge: identifier },
    { charge: userRequester, optional: true },
    { charge: user, optional: true },
  ]);
  const call = `${functionName("take_attempt")}($1, $2, $3, NULL, NULL, NULL, $4)`;
  const { rows } = await client.query(`SELECT outcome, user_spent FROM ${call}`, [challengeId, clientId, charges, now]);
  return rows[0] as Taken;
}

// To begin anew, after a pause, would show whoever measures times that a user name and an address are one user's.
it.each([
  ["COMMIT", 1_000, "taken", [t0 + minute, t0 + minute]],
  ["ROLLBACK", 1_000, "taken", [t0 + minute]],
  ["COMMIT", 0, "limited", [t0 + minute]],
])(
  "who makes the user's budget in the same moment as one who ends with %s (%d guesses left) waits and takes its attempt in the same statement",
  async (end, identifierMax, firstOutcome, spent) => {
    const [first, second] = [await issue(store), await issue(store)];
    await clients[0].query("BEGIN");
    expect(await take(clients[0], first, identifierMax)).toMatchObject({ outcome: firstOutcome });
    const racer = take(clients[1], second);
    if (firstOutcome === "taken") {
      const waiters = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      await eventually("the racer", async () => ((await query(location, waiters)).length > 0 ? true : undefined));
    }
    await clients[0].query(end);
    expect(await racer).toEqual({ outcome: "taken", user_spent: false });
    for (const { key } of [user, userRequester]) {
      expect((await budgetOf(store, key, t0 + minute)).spent).toEqual(spent);
    }
  },
);

// Otherwise fewer writes would show whoever measures times that a user name and an address are one user's.
it.each([
  ["nothing", 2, 2, false],
  ["the requester's share", 1, 2, true],
  ["the total", 2, 1, true],
])("a guess writes both budgets of the user with %s spent", async (_, ofRequester, total, spent) => {
  const challenge = await issue(store);
  const charges = { userRequester: chargeOf("share", ofRequester), user: chargeOf("total", total) };
  /** Which transactions wrote the budgets last, and how many budgets there are. */
  const written = () =>
    query(location, "SELECT count(*)::integer AS budgets, array_agg(DISTINCT xmin::text) AS writers FROM budgets");
  await store.challenges.takeAttempt(attemptOf(challenge, { ...charges, now: t0 }));
  const before = await written();
  expect(await store.challenges.takeAttempt(attemptOf(challenge, { ...charges, now: t0 + 1 }))).toEqual({
    kind: "taken",
    userBudgetSpent: spent,
    lockedUntil: null,
    failures: 0,
  });
  const after = await written();
  expect(after).toEqual([{ budgets: 4, writers: [expect.any(String)] }]);
  expect(after).not.toEqual(before);
});

it("charges that are refused leave no budget behind that was made to be locked", async () => {
  const challenge = await issue(store);
  const identifier = chargeOf("identifier", 0);
  expect(await store.challenges.takeAttempt(attemptOf(challenge, { identifier, user }))).toMatchObject({ kind: "limited" });
  expect(await query(location, "SELECT 1 FROM budgets")).toEqual([]);
});
