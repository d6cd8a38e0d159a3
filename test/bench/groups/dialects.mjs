import { drive, inTurns } from "../measure.mjs";
import { raisedLimits } from "../stage.mjs";

/** Each with the sign-in over Connect's JSON that is like it: by mail, by SMS, and by SMS with a client token. */
const references = {
  biot: "connectBySms",
  bridgekeeper: "connect",
  transmit: "connectAsBackend",
  supabase: "connect",
};
const clients = 8;

/** What a sign-in outside argon2 costs by the paths of a vendor, beside the same sign-in over Connect's JSON. */
export async function measureDialects({ stage, load, rounds, windowMs, report }) {
  const latchkey = await stage.startLatchkey("dialects", "none", { limits: raisedLimits });
  const target = { ...latchkey.target, kind: "dialects", users: 1_000 };
  await load.ask("prepare", { target });
  const at = { load, server: latchkey.server, target };
  const acts = [...new Set(Object.values(references)), ...Object.keys(references)];
  for (const act of acts) await drive(at, act, { clients, ms: windowMs / 2 });
  const measured = acts.map((act) => [act, () => drive(at, act, { clients, ms: windowMs })]);
  const seen = await inTurns(rounds, Object.fromEntries(measured));
  await latchkey.server.stop();
  for (const [dialect, reference] of Object.entries(references)) {
    const like = { unit: "ms CPU", reference: seen[reference].cpuMs, atMost: 1.3 };
    report.add(`CPU of a sign-in by ${dialect} to Connect JSON's`, { value: seen[dialect].cpuMs, ...like });
  }
}
