import pg from "pg";
import { afterAll, beforeAll } from "vitest";
import { openStore } from "../../src/store/open.js";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { describeLossOfPower } from "../store/power/loss-of-power.js";
import { type PostgresDisk, poweredBy, startPostgresDisk } from "../store/power/postgres-disk.js";
import { eventually } from "../support/app.js";
import { type Pgbouncer, startPgbouncer } from "../support/pgbouncer.js";
import { at } from "../support/postgres.js";

let disk: PostgresDisk;
let pooler: Pgbouncer;
let location: PostgresLocation;
beforeAll(async () => {
  disk = await startPostgresDisk();
  pooler = await startPgbouncer(disk.location.hosts[0]!.port, { default_pool_size: 2 });
  location = { ...at(disk.location, { port: pooler.port }), pooler: "transaction" };
});
afterAll(async () => {
  await pooler.stop();
  await disk.stop();
});

/** Leaves both connections of the pooler with commits that wait for no disk, as a careless program may. */
async function spoil(): Promise<void> {
  const { user, password, database, hosts } = location;
  const clients = [1, 2].map(() => new pg.Client({ ...hosts[0], user, password, database }));
  for (const client of clients) {
    client.on("error", () => {});
    await client.connect();
    await client.query("BEGIN");
    await client.query("SET synchronous_commit = off");
  }
  for (const client of clients) await client.query("COMMIT");
  for (const client of clients) await client.end();
}

describeLossOfPower("PostgreSQL through PgBouncer, where another program has left commits that wait for no disk", async () => {
  // PgBouncer tries a server that it could not reach again after a second.
  const open = () =>
    eventually("the server", async () => {
      try {
        await spoil();
        return await openStore(location, { inFlight: () => 0 });
      } catch {
        return undefined;
      }
    });
  return await poweredBy(disk, open);
});
