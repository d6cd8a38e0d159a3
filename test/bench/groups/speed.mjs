import { drive, inTurns } from "../measure.mjs";

const few = 8;
const many = 32;

/** What calls cost in CPU, and how many there are in a second, beside a bare echo and beside Better Auth. */
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
  for (const [name, server, act] of acts) {
    for (const clients of [many, few]) {
      const at = { load, ...servers[server] };
      await drive(at, act, { clients, ms: windowMs / 2 });
      measurements[`${name} ${clients}`] = () => drive(at, act, { clients, ms: windowMs });
    }
  }
  const seen = await inTurns(rounds, measurements);
  await Promise.all(Object.values(servers).map(({ server }) => server.stop()));
  for (const clients of [few, many]) reportAt(clients, { seen, report });
}

function reportAt(clients, { seen, report }) {
  const of = (name) => seen[`${name} ${clients}`];
  const at = `${clients} clients`;
  const echoMs = seen[`echo ${few}`].cpuMs;
  const cpu = (name, act, atMost) => report.addCpu(`CPU of ${name}, ${at}`, { value: of(act).cpuMs, echoMs, atMost });
  const rate = (name, act, { to, atLeast } = {}) => {
    const reference = to && of(to).perSecond;
    report.add(`${name}, ${at}`, { value: of(act).perSecond, unit: "/s", reference, atLeast });
  };

  report.add(`CPU of a bare grpc-js echo, ${at}`, { value: of("echo").cpuMs, unit: "ms CPU" });
  rate("bare grpc-js echoes", "echo");
  cpu("a login outside argon2", "bare login", 0.6);
  report.add(`CPU of a login outside argon2 to Better Auth's whole login with plain codes, ${at}`, {
    value: of("bare login").cpuMs,
    unit: "ms CPU",
    reference: of("plain").cpuMs,
    atMost: 1 / 8,
  });
  rate("logins outside argon2", "bare login");
  cpu("a login, fast", "fast login", 1.9);
  rate("logins, fast, to Better Auth's with SHA-256", "fast login", { to: "hashed", atLeast: 4 });
  rate("logins, fast, to Better Auth's with plain codes", "fast login", { to: "plain", atLeast: 3 });
  report.add(`CPU of Better Auth's login with SHA-256, ${at}`, { value: of("hashed").cpuMs, unit: "ms CPU" });
  if (clients === many)
    report.add(`p50 of a whole login, fast, ${at}`, { value: of("fast login").p50, unit: "ms", atMost: 60 });
  cpu("RefreshToken", "refresh", 0.25);
  rate("RefreshToken to echoes", "refresh", { to: "echo", atLeast: 0.35 });
  cpu("GetCurrentUser", "current user", 0.12);
  rate("GetCurrentUser to echoes", "current user", { to: "echo" });
}
