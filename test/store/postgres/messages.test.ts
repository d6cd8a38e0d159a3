import type pg from "pg";
import { expect, it } from "vitest";
import type { Store } from "../../../src/store/port/store.js";
import type { PostgresLocation } from "../../../src/store/postgres/location.js";
import { openPostgres } from "../../../src/store/postgres/postgres.js";
import { clientOf, query, testDatabases } from "../../support/postgres.js";
import { day, minute, times } from "../contract/fixtures.js";
import { append, endedTry, listed, messageOf, reportOf } from "../contract/message-fixtures.js";

const databases = testDatabases();
/** The store checks its clock against the server's, so these tests live today. */
const today = Math.floor(Date.now() / day) * day;

async function partitionsOf(location: PostgresLocation): Promise<string[]> {
  const rows = await query<{ name: string }>(
    location,
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'messages'::regclass ORDER BY 1",
  );
  return rows.map(({ name }) => name);
}

const nameOf = (at: number) => `messages_${new Date(at).toISOString().slice(0, 10).replaceAll("-", "")}`;

/** A sweep of a process that has made no partitions yet. */
async function sweepWith(location: PostgresLocation, before: number): Promise<number> {
  const store = await openPostgres(location);
  const swept = await store.messages.sweep({ now: Date.now(), before, limit: 100 });
  await store.close();
  return swept;
}

async function partitionFor(location: PostgresLocation, at: number): Promise<void> {
  const from = Math.floor(at / day) * day;
  await query(location, `CREATE TABLE ${nameOf(at)} PARTITION OF messages FOR VALUES FROM (${from}) TO (${from + day})`);
}

async function withStore<T>(location: PostgresLocation, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openPostgres(location);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}

it("a database has partitions for today and the next two days as soon as it is opened, and messages go there", async () => {
  const location = await databases.createEmpty();
  await withStore(location, async (store) => {
    expect(await partitionsOf(location)).toEqual([...times(3, (n) => nameOf(today + n * day)), "messages_other"].sort());
    await append(store, endedTry({ message: { queuedAt: today + minute } }));
  });
  expect(await query(location, `SELECT count(*) AS count FROM ${nameOf(today)}`)).toEqual([{ count: "1" }]);
});

it("a message of a day without a partition is stored and swept all the same, and that day gets no partition", async () => {
  const location = await databases.createEmpty();
  await withStore(location, async (store) => {
    await query(location, `DROP TABLE ${nameOf(today)}`);
    const [old, young] = [endedTry({ message: { queuedAt: today - 40 * day } }), endedTry({ message: { queuedAt: today } })];
    await append(store, old, young);
    expect(await sweepWith(location, today - 30 * day)).toBe(1);
    expect(await messageOf(store, young)).toMatchObject({ status: "sent" });
    expect(await store.messages.get({ messageId: old.messageId, appId: null })).toBeNull();
    expect(await partitionsOf(location)).not.toContain(nameOf(today));
  });
});

it("a partition is dropped when all of its day is old, not a day before", async () => {
  const location = await databases.createEmpty();
  await withStore(location, async (store) => {
    const ages = [29, 30, 31];
    for (const age of ages) await partitionFor(location, today - age * day);
    const sent = ages.map((age) => endedTry({ message: { queuedAt: today - age * day } }));
    await append(store, ...sent);
    await sweepWith(location, today - 30 * day + minute);
    expect(await partitionsOf(location)).toEqual(expect.arrayContaining([29, 30].map((age) => nameOf(today - age * day))));
    expect(await partitionsOf(location)).not.toContain(nameOf(today - 31 * day));
    const kept = await listed(store);
    expect(kept.map(({ messageId }) => messageId)).toEqual(
      sent
        .slice(0, 2)
        .map(({ messageId }) => messageId)
        .reverse(),
    );
  });
});

it("a partition that a reader has open is not waited for: it is dropped by a later sweep, and messages are stored meanwhile", async () => {
  const location = await databases.createEmpty();
  const reader: pg.Client = await clientOf(location);
  await withStore(location, async (store) => {
    await partitionFor(location, today - 31 * day);
    await reader.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
    await reader.query("SELECT count(*) FROM messages");
    const sent = endedTry({ message: { queuedAt: today } });
    await Promise.all([sweepWith(location, today - 30 * day), append(store, sent)]);
    expect(await messageOf(store, sent)).toMatchObject({ status: "sent" });
    expect(await partitionsOf(location)).toContain(nameOf(today - 31 * day));
    await reader.query("COMMIT");
    await sweepWith(location, today - 30 * day);
    expect(await partitionsOf(location)).not.toContain(nameOf(today - 31 * day));
  });
  await reader.end();
});

it("a report finds a message of any partition", async () => {
  const location = await databases.createEmpty();
  await withStore(location, async (store) => {
    const sent = times(4, (n) => endedTry({ message: { queuedAt: today - n * 5 * day } }));
    await append(store, ...sent);
    const answers = await store.messages.report(sent.map((one) => reportOf(one, { reportedAt: today })));
    expect(answers.map((one) => one?.messageId)).toEqual(sent.map(({ messageId }) => messageId));
  });
});

it("of processes of their own, none loses a try or a report: settlements and reports of the same messages race", async () => {
  const location = await databases.createEmpty();
  const stores = await Promise.all(times(3, () => openPostgres({ ...location, poolMax: 4 })));
  const [one, two, three] = stores as [Store, Store, Store];
  for (let round = 0; round < 10; round += 1) {
    const first = times(12, () =>
      endedTry({ status: "queued", message: { queuedAt: today }, ended: { result: "unknown", endedAt: today } }),
    );
    const later = first.map((of) => ({
      ...of,
      status: "sent" as const,
      ended: { ...of.ended, result: "sent" as const, endedAt: today + 1 },
    }));
    await Promise.all([
      append(one, ...first),
      append(two, ...[...later].reverse()),
      ...first.map((of) => three.messages.report([reportOf(of, { reportedAt: today + 2 })])),
    ]);
    for (const of of first) {
      const message = await messageOf(one, of);
      expect(message.status).toBe("delivered");
      expect(message.tries).toHaveLength(2);
    }
  }
  for (const store of stores) await store.close();
});
