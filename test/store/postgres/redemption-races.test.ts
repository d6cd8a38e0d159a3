import { expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { eventually } from "../../support/app.js";
import { clientOf, query, testDatabases } from "../../support/postgres.js";
import { attemptOf, bytes, chargeOf, email, issue, minute, phone, prove, redeem, register, t0 } from "../contract/fixtures.js";

const databases = testDatabases();

it("a sign-in to a user that was made while it ran ends what was issued for the user's other contacts", async () => {
  const location = await databases.create();
  const store = await openStore(location, { inFlight: () => 0 });
  const client = await clientOf(location);
  const waiters = async (count: number) =>
    await eventually(`${count} to wait`, async () => {
      const sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
      return (await query(location, sql)).length === count ? true : undefined;
    });
  const [address, number] = [email(), phone()];
  const [first, last] = await register(store, [address, number]);
  await prove(store, first!.challengeId);
  // The redemption gives this budget back last, so while it is locked the user is made but not committed.
  const held = chargeOf("held", 10);
  await store.challenges.takeAttempt(attemptOf(last!, { identifier: held }));
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM budgets WHERE key = $1 FOR UPDATE", [held.key]);
  const making = redeem(store, last!.challengeId, { returns: [{ key: held.key, spentAt: t0 + minute }] });
  await waiters(1);

  const other = await issue(store, { contact: number, requesterKey: bytes("stranger") });
  const mine = await issue(store, { contact: address });
  const joining = redeem(store, mine.challengeId);
  await waiters(2);
  await client.query("COMMIT");
  expect((await joining).user.userId).toBe((await making).user.userId);
  expect(await store.challenges.find(other.challengeId)).toMatchObject({ decoy: true, cancelledAt: null });
  await client.end();
  await store.close();
});
