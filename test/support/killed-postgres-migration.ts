import pg from "pg";
import type { PostgresLocation } from "../../src/store/postgres/location.js";
import { migrate } from "../../src/store/postgres/migrate.js";

/** Migrates the database that the first argument describes and is killed when half of the first migration is done. */
const query = pg.Client.prototype.query as (...values: unknown[]) => Promise<unknown>;
pg.Client.prototype.query = async function (this: pg.Client, sql: string, ...values: unknown[]) {
  const half = sql.indexOf("CREATE TABLE", 2_000);
  if (half < 0) return await query.call(this, sql, ...values);
  await query.call(this, sql.slice(0, half));
  process.kill(process.pid, "SIGKILL");
  return undefined;
} as never;
await migrate(JSON.parse(process.argv[2]!) as PostgresLocation);
