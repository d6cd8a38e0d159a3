import type pg from "pg";
import { until } from "../support/server.js";
import type { Cluster } from "./cluster.js";
import type { Machine } from "./machine.js";

/** Writers that know one machine only and stay with it while it is frozen, and after. */
export interface Stragglers {
  /** Ends them. Gives what that machine acknowledged and the cluster does not have. */
  lost(): Promise<readonly string[]>;
}

const writers = 4;
const restMs = 20;

/** Resolves when each has a connection. The table that they write to is made with the first of them. */
export async function startStragglers(cluster: Cluster, machine: Machine): Promise<Stragglers> {
  await cluster.query("CREATE TABLE IF NOT EXISTS acknowledged (id text PRIMARY KEY)");
  const run = Math.random().toString(36).slice(2);
  const acknowledged: string[] = [];
  const begun = new Set<number>();
  let running = true;

  /** Sent while it is frozen, the first write waits for its wake; the later ones come in the moment before it steps down. */
  async function write(writer: number): Promise<void> {
    let client: pg.Client | null = null;
    for (let n = 0; running; n += 1) {
      const id = `${run}-${writer}-${n}`;
      try {
        client ??= await cluster.connect(machine);
        await client.query("INSERT INTO acknowledged VALUES ($1)", [id]);
        acknowledged.push(id);
        begun.add(writer);
      } catch {
        void client?.end().catch(() => {});
        client = null;
      }
      await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    await client?.end();
  }

  const all = Array.from({ length: writers }, (_, writer) => write(writer));
  await until("an acknowledged write of each", () => begun.size === writers || undefined);
  const before = acknowledged.length;
  return {
    async lost() {
      running = false;
      await Promise.all(all);
      const rows = await cluster.query<{ id: string }>("SELECT id FROM acknowledged WHERE id = ANY ($1)", [acknowledged]);
      const kept = new Set(rows.map(({ id }) => id));
      console.log(
        `  ${acknowledged.length - before} writes were acknowledged by the leader as it was frozen, or after it woke up`,
      );
      return acknowledged.filter((id) => !kept.has(id));
    },
  };
}
