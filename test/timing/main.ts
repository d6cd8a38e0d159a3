// Whether the time of an answer tells users from others: SendOtp, a resend and a wrong guess, for addresses with a user, without one,
// with a member of another app of the pool, and with a locked user.
// `npm run test:timing [-- --engine sqlite|postgres] [--samples 2000]`. Exit code 1: it tells. 2: this machine can't decide it now.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createDatabase, type Engine, engines } from "../histories/databases.js";
import { endServers, productionEnv, startServer } from "../support/server.js";
import { type Arm, arms, controlMs, type Measured, measure } from "./measure.js";
import { type Comparison, compare, median } from "./statistics.js";
import { makeUsers } from "./users.js";

const { values } = parseArgs({ options: { engine: { type: "string" }, samples: { type: "string", default: "2000" } } });
const samples = Number(values.samples);
const wanted = engines.filter((engine) => values.engine === undefined || values.engine === engine);
if (wanted.length === 0 || !(samples >= 300 && samples <= 20_000)) {
  throw new Error("--engine is sqlite or postgres, --samples from 300 to 20000");
}

/** A difference that only two of three runs can make a finding of: machines are noisy. */
const runsMax = 3;
const pOfFinding = 1e-4;
const aucOfFinding = 0.05;
const shiftOfFindingMs = 1;

type Verdict = "alike" | "different" | "undecided";

async function runOnce(engine: Engine): Promise<Verdict> {
  const database = await createDatabase(engine);
  const mail = fork(fileURLToPath(new URL("mail-sink.mjs", import.meta.url)));
  try {
    const [{ port: mailPort }] = (await once(mail, "message")) as [{ port: number }];
    const server = await startServer({
      ...productionEnv(mailPort),
      LATCHKEY_DATABASE_URL: database.url,
      LATCHKEY_AUTO_REGISTRATION: "off",
      LATCHKEY_RESEND_COOLDOWN: "15s",
      LATCHKEY_CODE_TTL: "600s",
      LATCHKEY_CODE_LENGTH: "10",
    });
    const addresses = addressesOf();
    await makeUsers(database.url, [
      { addresses: [...addresses.known, ...addresses.again], standing: "member" },
      { addresses: addresses.elsewhere, standing: "elsewhere" },
      { addresses: addresses.locked, standing: "locked" },
    ]);
    const measured = await measure(Number(new URL(server.httpUrl).port), addresses);
    await server.stop();
    return judge(engine, measured);
  } finally {
    mail.kill();
    await endServers();
    await database.drop();
  }
}

/** Alike in length and form. */
function addressesOf(): Record<Arm, string[]> {
  const of = (arm: Arm) =>
    Array.from(
      { length: samples },
      (_, n) => `person-${String(n * arms.length + arms.indexOf(arm)).padStart(6, "0")}@example.com`,
    );
  return Object.fromEntries(arms.map((arm) => [arm, of(arm)])) as Record<Arm, string[]>;
}

function judge(engine: Engine, { methods, control }: Measured): Verdict {
  let verdict: Verdict = "alike";
  for (const [method, times] of methods) {
    const chance = compare(times.known, times.again);
    const found = {
      "with and without a user": compare(times.known, times.unknown),
      "of another app of the pool, and without a user": compare(times.elsewhere, times.unknown),
      "locked, and without a user": compare(times.locked, times.unknown),
    };
    const medianMs = median([...times.known].sort((a, b) => a - b));
    print(engine, `${method}, median ${medianMs.toFixed(2)} ms`, { "with a user, twice": chance, ...found });
    if (chance.p <= 0.01) verdict = "undecided";
    else if (Object.values(found).some(isFinding) && verdict === "alike") verdict = "different";
  }
  const caught = compare(control.plain, control.slower);
  print(engine, `control, ${controlMs} ms slower`, { "plain and slower": caught });
  return caught.p < 1e-6 && caught.shift >= controlMs * 0.9 ? verdict : "undecided";
}

function isFinding({ p, auc, shift }: Comparison): boolean {
  return p < pOfFinding && (Math.abs(auc - 0.5) >= aucOfFinding || Math.abs(shift) >= shiftOfFindingMs);
}

function print(engine: Engine, what: string, comparisons: Readonly<Record<string, Comparison>>): void {
  for (const [name, { p, auc, shift }] of Object.entries(comparisons)) {
    console.log(
      `${engine} | ${what} | ${name} | p ${p.toExponential(1)} | AUC ${auc.toFixed(3)} | shift ${shift.toFixed(3)} ms`,
    );
  }
}

/** Different twice is a finding; alike once is none, if the samples were good enough to tell. */
async function decide(engine: Engine): Promise<Verdict> {
  let different = 0;
  for (let run = 1; run <= runsMax; run += 1) {
    const verdict = await runOnce(engine);
    console.log(`${engine} | run ${run}: ${verdict}`);
    if (verdict === "alike") return "alike";
    if (verdict === "different") different += 1;
    if (different === 2) return "different";
  }
  return "undecided";
}

const verdicts: Verdict[] = [];
for (const engine of wanted) verdicts.push(await decide(engine));
process.exitCode = verdicts.includes("different") ? 1 : verdicts.includes("undecided") ? 2 : 0;
console.log(
  ["Alike: times don't tell users from others.", "Times tell users from others.", "Undecided: run it on a quieter machine."][
    process.exitCode
  ],
);
