import { drive, halfOfPeak, inTurns } from "../measure.mjs";

const few = 8;
const many = 32;

/** What calls cost in CPU on SQLite, beside a bare echo and beside Better Auth, and how long a login takes at half of the peak. */
export async function measureSpeed({ stage, load, rounds, windowMs, report }) {
  const servers = {
    echo: await stage.startEcho(),
    bare: await stage.startLatchkey("latchkey-no-hash", "none"),
    fast: await stage.startLatchkey("latchkey-fast", "fast"),
    plain: await stage.startBetterAuth("plain"),
    hashed: await stage.startBetterAuth("hashed"),
  };
  const acts = [
    ["echo", "echo", "say"],
    ["bare login", "bare", "login"],
    ["refresh", "bare", "refresh"],
    ["current user", "bare", "currentUser"],
    ["fast login", "fast", "login"],
    ["plain", "plain", "login"],
    ["hashed", "hashed", "login"],
  ];
  const measurements = {};
  let peak = 0;
  for (const [name, server, act] of acts) {
    for (const clients of [many, few]) {
      const at = { load, ...servers[server] };
      const { perSecond } = await drive(at, act, { clients, ms: windowMs / 2 });
      if (name === "fast login") peak = Math.max(peak, perSecond);
      measurements[`${name} ${clients}`] = () => drive(at, act, { clients, ms: windowMs });
    }
  }
  const half = halfOfPeak({ load, ...servers.fast }, { peak, windowMs });
  const seen = await inTurns(rounds, { ...measurements, ...half.measurements });
  await Promise.all(Object.values(servers).map(({ server }) => server.stop()));
  for (const clients of [few, many]) reportAt(clients, { seen, report });
  half.report(report, { seen, title: "fast, SQLite", atMost: 4 });
}

/** Goals for the CPU, in echoes. */
const goals = {
  [few]: { "bare login": 14 },
  [many]: { "bare login": 10, "fast login": 23, refresh: 3, "current user": 2.3 },
};

function reportAt(clients, { seen, report }) {
  const of = (name) => seen[`${name} ${clients}`];
  const at = `${clients} clients`;
  const echoMs = of("echo").cpuMs;
  const echoes = (title, act) =>
    report.addEchoes(`CPU of ${title}, SQLite, ${at}`, { cpuMs: of(act).cpuMs, echoMs, atMost: goals[clients][act] });
  const rate = (title, act) => report.add(`${title}, ${at}`, { value: of(act).perSecond, unit: "/s" });

  report.add(`CPU of a bare grpc-js echo, ${at}`, { value: echoMs, unit: "ms CPU" });
  rate("bare grpc-js echoes", "echo");
  echoes("a login outside argon2", "bare login");
  echoes("a login, fast", "fast login");
  rate("logins, fast, SQLite", "fast login");
  for (const [storage, act] of Object.entries({ "SHA-256": "hashed", "plain codes": "plain" })) {
    report.add(`CPU of a login, fast, to Better Auth's with ${storage}, ${at}`, {
      value: of("fast login").cpuMs,
      unit: "ms CPU",
      reference: of(act).cpuMs,
      ...(clients === many && act === "hashed" ? { atMost: 1 / 3.5 } : {}),
    });
    rate(`Better Auth's logins with ${storage}`, act);
  }
  echoes("RefreshToken", "refresh");
  rate("RefreshToken, SQLite", "refresh");
  echoes("GetCurrentUser", "current user");
  rate("GetCurrentUser, SQLite", "current user");
}
