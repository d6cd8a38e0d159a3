import { drive, inTurns } from "../measure.mjs";
import { cpuMsOf } from "../process-cpu.mjs";

const clients = 32;
const acts = ["login", "refresh", "currentUser"];
const titles = { login: "logins, fast", refresh: "RefreshToken", currentUser: "GetCurrentUser" };

/**
 * Latchkey on PostgreSQL beside a supabase/auth server that somebody runs at `url`. It sends its mails to `mailPort` of this machine. `pids`
 * are the processes whose CPU counts as its own: the server and the first one of its PostgreSQL, which stands for all of them.
 */
export function measureAgainst({ url, mailPort, pids }) {
  return async ({ stage, load, rounds, windowMs, report }) => {
    const mail = await stage.startMail("mail-against", 0, mailPort);
    const postgres = await stage.startPostgres();
    const latchkey = await stage.startLatchkey("against", "fast", { database: await postgres.ask("database") });
    latchkey.target = { ...latchkey.target, users: 2000 };
    await load.ask("register", { target: latchkey.target });
    const ownCpu = async () => (await postgres.ask("databaseCpu")).cpuMs + (await latchkey.server.ask("usage")).cpuMs;
    const peer = { name: "supabase/auth", ask: async () => ({ cpuMs: cpuMsOf(pids) }) };
    const theirs = { kind: "supabase", port: url, url, users: 2000 };

    const measurements = {};
    for (const act of acts) {
      const own = (ms) => withCpu(ownCpu, () => drive({ load, ...latchkey }, act, { clients, ms }));
      const other = (ms) =>
        withCpu(
          () => cpuMsOf(pids),
          () => drive({ load, server: peer, target: theirs }, act, { clients, ms }),
        );
      await own(windowMs / 2);
      await other(windowMs / 2);
      measurements[`${act} own`] = () => own(windowMs);
      measurements[`${act} other`] = () => other(windowMs);
    }
    const seen = await inTurns(rounds, measurements);
    await Promise.all([latchkey.server, mail.server, postgres].map((server) => server.stop()));

    for (const act of acts) {
      const [own, other] = [seen[`${act} own`], seen[`${act} other`]];
      const isLogin = act === "login";
      report.add(`${titles[act]}, PostgreSQL, to supabase/auth's, ${clients} clients`, {
        value: own.perSecond,
        unit: "/s",
        reference: other.perSecond,
        ...(isLogin && { atLeast: 1.6 }),
      });
      if (pids.length === 0) continue;
      report.add(`CPU of ${titles[act]}, server and database, to supabase/auth's, ${clients} clients`, {
        value: own.totalMs,
        unit: "ms CPU",
        reference: other.totalMs,
        ...(isLogin && { atMost: 0.6 }),
      });
    }
  };
}

async function withCpu(cpuMs, work) {
  const before = await cpuMs();
  const result = await work();
  return { ...result, totalMs: ((await cpuMs()) - before) / result.count };
}
