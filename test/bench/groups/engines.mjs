import { drive, inTurns } from "../measure.mjs";

const clients = 32;
// A user has at most 10 logins in 5 minutes.
const usersEach = 500;
const acts = { login: "login", refresh: "RefreshToken", currentUser: "GetCurrentUser" };
/** Goals for the CPU of the server and the database together, in milliseconds. */
const goals = { login: 2.8, refresh: 0.4, currentUser: 0.2 };

/** What the engines can do: SQLite with its one process, and PostgreSQL with one, two and four processes beside it. */
export async function measureEngines({ stage, load, rounds, windowMs, report }) {
  const postgres = await stage.startPostgres();
  const echo = await stage.startEcho();
  const fleets = { "SQLite, 1 process": await startFleet(stage, load, { count: 1, name: "sqlite" }) };
  for (const count of [1, 2, 4]) {
    const database = await postgres.ask("database");
    fleets[`PostgreSQL, ${count} process${count === 1 ? "" : "es"}`] = await startFleet(stage, load, {
      count,
      name: `postgres-${count}`,
      database,
    });
  }
  const say = (ms) => drive({ load, ...echo }, "say", { clients: 8, ms });
  await say(windowMs / 2);
  const measurements = { echo: () => say(windowMs) };
  for (const [name, fleet] of Object.entries(fleets)) {
    for (const act of Object.keys(acts)) {
      await driveFleet(load, fleet, act, windowMs / 4, postgres);
      measurements[`${act} ${name}`] = () => driveFleet(load, fleet, act, windowMs, postgres);
    }
  }
  const seen = await inTurns(Math.min(rounds, 2), measurements);
  await Promise.all([...Object.values(fleets).flat(), echo].map(({ server }) => server.stop()));
  await postgres.stop();

  for (const [act, what] of Object.entries(acts)) {
    for (const name of Object.keys(fleets)) {
      const { perSecond, p50, p99, cpuMs } = seen[`${act} ${name}`];
      const title = `${act === "login" ? "logins, fast" : what}, ${name}`;
      report.add(`${title}, ${clients} clients`, { value: perSecond, unit: "/s" });
      report.add(`  p50 of ${title}`, { value: p50, unit: "ms" });
      report.add(`  p99 of ${title}`, { value: p99, unit: "ms" });
      const atMost = name.startsWith("PostgreSQL, 1 ") ? goals[act] : undefined;
      if (name.endsWith("1 process")) {
        report.addCpu(`CPU of ${title}, server and database`, { value: cpuMs, echoMs: seen.echo.cpuMs, atMost });
      }
    }
  }
}

/** So many servers on one database, each with users of its own. */
async function startFleet(stage, load, { count, name, database }) {
  const fleet = [];
  for (let n = 0; n < count; n += 1) {
    const started = await stage.startLatchkey(`${name}-${n}`, "fast", database === undefined ? { empty: true } : { database });
    started.target = { ...started.target, users: usersEach, firstUser: n * usersEach };
    await load.ask("register", { target: started.target });
    fleet.push(started);
  }
  return fleet;
}

/** Drives all servers of a fleet at once, with the callers shared among them. */
async function driveFleet(load, fleet, act, ms, postgres) {
  const before = (await postgres.ask("databaseCpu")).cpuMs;
  const each = await Promise.all(fleet.map((at) => drive({ load, ...at }, act, { clients: clients / fleet.length, ms })));
  const databaseMs = (await postgres.ask("databaseCpu")).cpuMs - before;
  const count = each.reduce((sum, one) => sum + one.count, 0);
  const serverMs = each.reduce((sum, one) => sum + one.cpuMs * one.count, 0);
  return {
    count,
    perSecond: each.reduce((sum, one) => sum + one.perSecond, 0),
    p50: Math.max(...each.map((one) => one.p50)),
    p99: Math.max(...each.map((one) => one.p99)),
    cpuMs: (serverMs + databaseMs) / count,
  };
}
