import { drive, inTurns } from "../measure.mjs";
import { raisedLimits, usersMax } from "../stage.mjs";

/** Each with what is like it over Connect's JSON: a sign-in by mail or SMS, or a check of a number, with the same credentials. */
const references = {
  biot: "connectBySms",
  bridgekeeper: "connect",
  solidx: "connect",
  transmit: "connectAsBackend",
  beem: "connectCheckBySecret",
  twilio: "connectCheckBySecret",
  supabase: "connect",
  vonage: "connectCheckBySecret",
  camara: "connectCheckByToken",
};
const clients = 8;

/** What a code, from its send to its check, costs outside argon2 by the paths of a vendor, beside the same over Connect's JSON. */
export async function measureDialects({ stage, load, rounds, windowMs, report }) {
  const latchkey = await stage.startLatchkey("dialects", "none", { limits: raisedLimits });
  const target = { ...latchkey.target, kind: "dialects", users: usersMax };
  await load.ask("prepare", { target });
  const at = { load, server: latchkey.server, target };
  const acts = [...new Set(Object.values(references)), ...Object.keys(references)];
  for (const act of acts) await drive(at, act, { clients, ms: windowMs / 2 });
  const measured = acts.map((act) => [act, () => drive(at, act, { clients, ms: windowMs })]);
  const seen = await inTurns(rounds, Object.fromEntries(measured));
  await latchkey.server.stop();
  for (const [dialect, reference] of Object.entries(references)) {
    const like = { unit: "ms CPU", reference: seen[reference].cpuMs, atMost: 1.3 };
    report.add(`CPU of a code by ${dialect} to Connect JSON's`, { value: seen[dialect].cpuMs, ...like });
  }
}
