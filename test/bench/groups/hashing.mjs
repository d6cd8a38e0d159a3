import { availableParallelism } from "node:os";
import { drive, inTurns, noteFailures } from "../measure.mjs";

/** Both profiles: how near logins come to what the machine can hash, and what happens when four times as many are asked for. */
export async function measureHashing({ stage, load, rounds, windowMs, report }) {
  for (const profile of ["fast", "owasp"]) await measureProfile(profile, { stage, load, rounds, windowMs, report });
}

async function measureProfile(profile, { stage, load, rounds, windowMs, report }) {
  const argon2 = await stage.startArgon2();
  const at = { load, ...(await stage.startLatchkey(`latchkey-hashing-${profile}`, profile)) };
  const { target } = at;
  const bare = () => bareHashes(argon2, profile, windowMs);
  const login = (clients) => () => drive(at, "login", { clients, ms: 2 * windowMs });

  await drive(at, "login", { clients: 32, ms: windowMs });
  const { perSecond } = await drive(at, "login", { clients: 32, ms: windowMs });
  const overload = { target, perSecond: 4 * perSecond, ms: 2 * windowMs };
  const seen = await inTurns(rounds, {
    before: bare,
    8: login(8),
    32: login(32),
    after: bare,
    overload: async () => noteFailures("overload", await load.ask("openLoop", { ...overload, act: "login" })),
    refreshes: async () => noteFailures("refreshes", await load.ask("refreshInOverload", overload)),
  });
  await Promise.all([argon2.stop(), at.server.stop()]);

  const possible = (seen.before.perSecond + seen.after.perSecond) / 2 / 2;
  for (const clients of [8, 32]) {
    const { perSecond: value, cpuMs } = seen[clients];
    report.add(`logins, ${profile}, to half of the bare hashes, ${clients} clients`, {
      value,
      unit: "/s",
      reference: possible,
      // With `fast`, most of a login is not its hashes.
      ...(profile === "owasp" ? { atLeast: 0.9 } : {}),
    });
    report.add(`CPU of a login, ${profile}, ${clients} clients`, { value: cpuMs, unit: "ms CPU" });
  }
  reportOverload(report, { name: profile, peak: seen["32"], ...seen });
  report.add(`p99 of RefreshToken while the hash queue is full, ${profile}`, {
    value: seen.refreshes.p99,
    unit: "ms",
    atMost: 50,
  });
}

async function bareHashes(argon2, profile, ms) {
  const { count, seconds } = await argon2.ask("hashes", { profile, concurrency: availableParallelism(), ms });
  return { perSecond: count / seconds };
}

function reportOverload(report, { name, peak, overload }) {
  const { perSecond, refused, refusedP99, withRetryInfo } = overload;
  const at = `at 4x overload, ${name}`;
  report.add(`logins ${at}, to those at the peak`, { value: perSecond, unit: "/s", reference: peak.perSecond, atLeast: 0.9 });
  report.add(`p99 of refused calls ${at}`, { value: refusedP99, unit: "ms", atMost: 20 });
  report.add(`refused calls with RetryInfo ${at}`, { value: withRetryInfo, unit: "calls", reference: refused, atLeast: 1 });
}
