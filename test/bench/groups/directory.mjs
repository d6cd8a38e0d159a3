import { inTurns } from "../measure.mjs";

const size = { apps: 1_000, clients: 5_000 };
const callers = 8;

/** What many apps and clients cost: making them, keeping them in memory, and following their changes. */
export async function measureDirectory({ stage, rounds, report }) {
  const postgres = await stage.startPostgres();
  const engines = { SQLite: undefined, PostgreSQL: await postgres.ask("database") };
  for (const [engine, database] of Object.entries(engines)) {
    const server = await stage.startDirectory(`directory-${engine}`, database);
    const made = await server.ask("fill", { ...size, callers });
    const { load, reload } = await inTurns(5 * rounds, {
      load: () => server.ask("load"),
      reload: () => server.ask("reload", size),
    });
    await server.stop();
    report.add(`apps made, ${engine}, ${callers} callers`, { value: made.apps, unit: "/s", atLeast: 100 });
    report.add(`clients made, ${engine}, ${callers} callers`, { value: made.clients, unit: "/s", atLeast: 100 });
    report.add(`memory of ${size.apps} apps and ${size.clients} clients, ${engine}`, { value: load.heapMb, unit: "MB" });
    report.add(`  time to read all of them, ${engine}`, { value: load.ms, unit: "ms" });
    report.add(`  time to read one changed app, ${engine}`, { value: reload.reloadMs, unit: "ms" });
    report.add(`  time to find nothing changed, ${engine}`, { value: reload.idleMs, unit: "ms" });
  }
  await postgres.stop();
}
