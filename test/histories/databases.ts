import { randomBytes } from "node:crypto";
import { join } from "node:path";
import pg from "pg";
import { startCluster } from "../cluster/cluster.js";
import { findServer } from "../support/postgres-server.js";
import { newFolder } from "./folders.js";

export const engines = ["sqlite", "postgres", "cluster"] as const;
export type Engine = (typeof engines)[number];

/** A new database that the servers of a run share. */
export interface TestDatabase {
  /** For `LATCHKEY_DATABASE_URL`. */
  readonly url: string;
  drop(): Promise<void>;
}

export async function createDatabase(engine: Engine): Promise<TestDatabase> {
  switch (engine) {
    case "sqlite":
      return { url: `sqlite:${join(newFolder(), "latchkey.db")}`, drop: async () => {} };
    case "postgres":
      return await createPostgresDatabase();
    case "cluster":
      return await createClusterDatabase();
  }
}

async function createClusterDatabase(): Promise<TestDatabase> {
  const cluster = await startCluster();
  return {
    url: cluster.url("hosts"),
    async drop() {
      const left = await cluster.stop();
      if (left.length > 0) throw new Error(`the cluster left ${left.length} processes behind`);
    },
  };
}

async function createPostgresDatabase(): Promise<TestDatabase> {
  const server = await findServer();
  const name = `latchkey_histories_${randomBytes(8).toString("hex")}`;
  await execute(server.url, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  const url = new URL(server.url);
  url.pathname = name;
  url.search = "?sslmode=disable";
  return {
    url: url.href,
    async drop() {
      if (!server.temporary) await execute(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await server.stop();
    },
  };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
