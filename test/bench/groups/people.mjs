/** How fast people are imported, by the use case behind `latchkey user import`, and what a repeat of the import takes. */
export async function measurePeople({ stage, report, people: count }) {
  const postgres = await stage.startPostgres();
  const engines = { SQLite: undefined, PostgreSQL: await postgres.ask("database") };
  for (const [engine, database] of Object.entries(engines)) {
    const server = await stage.startPeople(`people-${engine}`, database);
    const imported = await server.ask("import", { count });
    const repeated = await server.ask("import", { count: Math.ceil(count / 10) });
    if (imported.created !== count || repeated.created !== 0)
      throw new Error(`${engine}: ${JSON.stringify({ imported, repeated })}`);
    const { rssMb } = await server.ask("usage");
    await server.stop();
    report.add(`users imported, ${engine}, ${count} users`, { value: count / imported.seconds, unit: "/s" });
    report.add(`  time of the import, ${engine}`, { value: imported.seconds, unit: "s" });
    report.add(`  the last tenth to the first, ${engine}`, {
      value: imported.lastTenth,
      unit: "/s",
      reference: imported.firstTenth,
    });
    report.add(`  users of a repeated import, ${engine}`, { value: Math.ceil(count / 10) / repeated.seconds, unit: "/s" });
    report.add(`  memory of the importing process, ${engine}`, { value: rssMb, unit: "MB" });
  }
  await postgres.stop();
}
