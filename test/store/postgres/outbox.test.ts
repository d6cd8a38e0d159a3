import { expect, it } from "vitest";
import { openStore } from "../../../src/store/open.js";
import { testDatabases } from "../../support/postgres.js";
import { hour, issue, minute, putOff, second, t0 } from "../contract/fixtures.js";

const databases = testDatabases();
const leaseMs = minute;

// Another process looks from the bottom within 30 s.
it("a message put off to a time long past is claimed at once by the process that put it off", async () => {
  const store = await openStore(await databases.create(), { inFlight: () => 0 });
  try {
    await issue(store, {}, { now: t0 + hour });
    const [message] = await store.outbox.claim({ now: t0 + hour, leaseMs, limit: 10 });
    await store.outbox.settle([putOff(message!, t0)]);
    expect(await store.outbox.nextDueAt({ now: t0 + hour, withinMs: second })).toBe(t0);
    expect(await store.outbox.claim({ now: t0 + hour, leaseMs, limit: 10 })).toHaveLength(1);
  } finally {
    await store.close();
  }
});
