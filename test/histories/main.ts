import { parseArgs } from "node:util";
import { type Break, breakNames, breaksOf } from "./breaks.js";
import { type Engine, engines } from "./databases.js";
import { type Subject, subjects } from "./plan.js";
import { runAll } from "./run-all.js";

const usage = `npm run test:histories -- [--engine sqlite|postgres|cluster] [--count N] [--seed S] [--from I] [--processes P] [--about sessions|people] [--break FAULT] [--tries N] [--unshrunk]
Runs the histories of the seeds S+I to S+N-1 and checks each. FAULT is one of ${breakNames.join(", ")};
then only what it breaks is asked about, until it is found. Races are let in on PostgreSQL only.
With --about only the histories of this subject are run: every fourth is about people.
With --tries each is run so often, unless it is found to be wrong before.
With --unshrunk a finding is shown as it was found.
The cluster is three machines of PostgreSQL with Patroni on loopback, as test/cluster starts them.
PostgreSQL is started for the run, unless LATCHKEY_TEST_POSTGRES_URL names a server whose user may make databases.`;

/** In so many histories everything that is checked must have happened. */
const floorFrom = 100;

function readArguments() {
  const { values } = parseArgs({
    options: {
      engine: { type: "string", default: "sqlite" },
      count: { type: "string", default: "200" },
      seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      from: { type: "string", default: "0" },
      processes: { type: "string", default: "3" },
      about: { type: "string" },
      break: { type: "string" },
      tries: { type: "string", default: "1" },
      unshrunk: { type: "boolean", default: false },
    },
  });
  const engine = oneOf<Engine>("engine", values.engine, engines);
  return {
    engine,
    count: whole("count", values.count, 1),
    seed: whole("seed", values.seed, 0),
    from: whole("from", values.from, 0),
    about: values.about === undefined ? null : oneOf<Subject>("about", values.about, subjects),
    processes: whole("processes", values.processes, 1),
    breaks: values.break === undefined ? null : oneOf<Break>("break", values.break, breaksOf(engine)),
    tries: whole("tries", values.tries, 1),
    shrinks: !values.unshrunk,
  };
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found === undefined) throw new Error(`--${name} must be one of ${known.join(", ")}, not ${value}`);
  return found;
}

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < min)
    throw new Error(`--${name} must be a whole number of at least ${min}, not ${text}`);
  return value;
}

async function main(): Promise<number> {
  let options: ReturnType<typeof readArguments>;
  try {
    options = readArguments();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n${usage}`);
    return 2;
  }
  const { seed, from } = options;
  console.log(`seed ${seed}${from === 0 ? "" : ` from ${from}`}: the histories of one seed are the same in every run`);
  let done = 0;
  let interrupted = false;
  const interruption = new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        interrupted = true;
        console.log(`interrupted; go on with --seed ${seed} --from ${from + done}`);
        resolve();
      });
    }
  });
  const { histories, violations, missing } = await runAll({ ...options, interruption, onHistory: () => (done += 1) });
  if (interrupted) return 130;
  console.log(`${histories} histories, ${violations} violations`);
  if (violations > 0) return 1;
  if (histories < floorFrom || options.about !== null || missing().length === 0) return 0;
  console.error(`${histories} histories show nothing without ${missing().join(", ")}`);
  return 2;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  },
);
