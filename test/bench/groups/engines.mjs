import { drive, halfOfPeak, inTurns } from "../measure.mjs";

const clients = 32;
// A user has at most 10 logins in 5 minutes.
const usersEach = 500;
const acts = { login: "login", refresh: "RefreshToken", currentUser: "GetCurrentUser" };
/** Goals for the CPU of the server and the database together, in echoes. */
const goals = { login: 45, refresh: 6, currentUser: 4.5 };
const one = "PostgreSQL, 1 process";

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
  const say = (ms) => drive({ load, ...echo }, "say", { clients, ms });
  await say(windowMs / 2);
  const measurements = { echo: () => say(windowMs) };
  for (const [name, fleet] of Object.entries(fleets)) {
    for (const act of Object.keys(acts)) {
      await driveFleet(load, fleet, act, windowMs / 4, postgres);
      measurements[`${act} ${name}`] = () => driveFleet(load, fleet, act, windowMs, postgres);
    }
  }
  const [single] = fleets[one];
  const { perSecond: peak } = await drive({ load, ...single }, "login", { clients, ms: windowMs });
  const half = halfOfPeak({ load, ...single }, { peak, windowMs });
  measurements.writes = () => countWrites(load, single, windowMs, postgres);
  const seen = await inTurns(rounds, { ...measurements, ...half.measurements });
  await Promise.all([...Object.values(fleets).flat(), echo].map(({ server }) => server.stop()));
  await postgres.stop();

  for (const [act, what] of Object.entries(acts)) {
    for (const name of Object.keys(fleets)) {
      const { perSecond, p50, p99, cpuMs } = seen[`${act} ${name}`];
      const title = `${act === "login" ? "logins, fast" : what}, ${name}`;
      report.add(`${title}, ${clients} clients`, { value: perSecond, unit: "/s" });
      report.add(`  p50 of ${title}`, { value: p50, unit: "ms" });
      report.add(`  p99 of ${title}`, { value: p99, unit: "ms" });
      if (name === one) {
        report.addEchoes(`CPU of ${title}, server and database, ${clients} clients`, {
          cpuMs,
          echoMs: seen.echo.cpuMs,
          atMost: goals[act],
        });
      }
    }
  }
  const { transactions, fsyncs, walBytes } = seen.writes;
  const ofLogin = `of a login, fast, ${one}, ${clients} clients`;
  report.add(`round trips ${ofLogin}`, { value: transactions, unit: "", atMost: 5 });
  report.add(`fsyncs ${ofLogin}`, { value: fsyncs, unit: "", atMost: 1.1 });
  report.add(`WAL ${ofLogin}`, { value: walBytes / 1000, unit: "kB", atMost: 3 });
  half.report(report, { seen, title: `fast, ${one}`, atMost: 5 });
}

/** So many servers on one database, each with users of its own. */
async function startFleet(stage, load, { count, name, database }) {
  const fleet = [];
  for (let n = 0; n < count; n += 1) {
    const started = await stage.startLatchkey(`${name}-${n}`, "fast", database === undefined ? { empty: true } : { database });
    started.database = database && new URL(database).pathname.slice(1);
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
  const count = each.reduce((sum, { count: own }) => sum + own, 0);
  const serverMs = each.reduce((sum, own) => sum + own.cpuMs * own.count, 0);
  return {
    count,
    perSecond: each.reduce((sum, own) => sum + own.perSecond, 0),
    p50: Math.max(...each.map((own) => own.p50)),
    p99: Math.max(...each.map((own) => own.p99)),
    cpuMs: (serverMs + databaseMs) / count,
  };
}

/** What the database counts for a login. What the servers do without calls in the same time is left out. */
async function countWrites(load, at, ms, postgres) {
  const idleMs = 2000;
  const counts = () => postgres.ask("counts", { database: at.database });
  const before = await counts();
  await new Promise((resolve) => setTimeout(resolve, idleMs));
  const between = await counts();
  const startedAt = performance.now();
  const { count } = await drive({ load, ...at }, "login", { clients, ms });
  const after = await counts();
  const share = (performance.now() - startedAt) / idleMs;
  const of = (name) => (after[name] - between[name] - share * (between[name] - before[name])) / count;
  return { transactions: of("transactions"), fsyncs: of("fsyncs"), walBytes: of("walBytes") };
}
