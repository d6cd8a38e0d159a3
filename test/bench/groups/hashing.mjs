import { availableParallelism } from "node:os";
import { drive, idleCores, inTurns, noteFailures } from "../measure.mjs";

/** Both profiles: how near logins come to what the machine can hash, and what happens when four times as many are asked for. */
export async function measureHashing({ stage, load, rounds, windowMs, report }) {
  for (const profile of ["fast", "owasp"]) await measureProfile(profile, { stage, load, rounds, windowMs, report });
}

async function measureProfile(profile, { stage, load, rounds, windowMs, report }) {
  const argon2 = await stage.startArgon2();
  const echo = await stage.startEcho();
  const at = { load, ...(await stage.startLatchkey(`latchkey-hashing-${profile}`, profile)) };
  const { target } = at;
  const bare = () => bareHashes(argon2, profile, windowMs);
  const login = (clients) => () => idleCores(() => drive(at, "login", { clients, ms: 2 * windowMs }));

  await drive(at, "login", { clients: 32, ms: windowMs });
  const { perSecond } = await drive(at, "login", { clients: 32, ms: windowMs });
  const overload = { target, echo: echo.target, perSecond: 4 * perSecond, ms: 2 * windowMs };
  const seen = await inTurns(rounds, {
    before: bare,
    8: login(8),
    32: login(32),
    after: bare,
    overload: async () => noteFailures("overload", await load.ask("overload", overload)),
    refreshes: async () => noteFailures("refreshes", await load.ask("refreshInOverload", overload)),
    "refreshes alone": async () => noteFailures("refreshes alone", await load.ask("refreshAlone", overload)),
  });
  await Promise.all([argon2, at.server, echo.server].map((server) => server.stop()));

  const possible = (seen.before.perSecond + seen.after.perSecond) / 2 / 2;
  const bareMs = seen.before.cpuMs + seen.after.cpuMs;
  for (const clients of [8, 32]) {
    const { perSecond: value, cpuMs, idle } = seen[clients];
    const ofLogin = `of a login, ${profile}, ${clients} clients`;
    report.add(`logins, ${profile}, to half of the bare hashes, ${clients} clients`, {
      value,
      unit: "/s",
      reference: possible,
    });
    report.add(`CPU ${ofLogin}, to two bare hashes`, {
      value: cpuMs,
      unit: "ms CPU",
      reference: bareMs,
      // With `fast`, most of a login is not its hashes.
      ...(profile === "owasp" ? { atMost: 1.12 } : {}),
    });
    report.add(`idle cores while callers wait for hashes, ${profile}, ${clients} clients`, {
      value: 100 * idle,
      unit: "%",
      ...(profile === "owasp" && clients === 32 ? { atMost: 5 } : {}),
    });
  }
  reportOverload(report, { name: profile, peak: seen["32"], ...seen });
  report.add(`p99 of RefreshToken while the hash queue is full, to the same alone, ${profile}`, {
    value: seen.refreshes.p99,
    unit: "ms",
    reference: seen["refreshes alone"].p99,
    atMost: 5,
  });
}

async function bareHashes(argon2, profile, ms) {
  const before = await argon2.ask("usage");
  const { count, seconds } = await argon2.ask("hashes", { profile, concurrency: availableParallelism(), ms });
  const after = await argon2.ask("usage");
  return { perSecond: count / seconds, cpuMs: (after.cpuMs - before.cpuMs) / count };
}

function reportOverload(report, { name, peak, overload }) {
  const { perSecond, refused, refusedP99, withRetryInfo, echoP99 } = overload;
  const at = `at 4x overload, ${name}`;
  report.add(`logins ${at}, to those at the peak`, { value: perSecond, unit: "/s", reference: peak.perSecond, atLeast: 0.95 });
  report.add(`p99 of refused calls ${at}, to that of an echo under the same load`, {
    value: refusedP99,
    unit: "ms",
    reference: echoP99,
    atMost: 2,
  });
  report.add(`refused calls with RetryInfo ${at}`, { value: withRetryInfo, unit: "calls", reference: refused, atLeast: 1 });
}
