import { randomBytes } from "node:crypto";
import { type Break, brokenBy, plantInDatabase, serverOf } from "./breaks.js";
import { invariantNames } from "./check.js";
import { createDatabase, type Engine } from "./databases.js";
import { type Fleet, startFleet } from "./fleet.js";
import { newFolder } from "./folders.js";
import { type Subject, subjectOf } from "./plan.js";
import { describeFinding } from "./print.js";
import { createEnv, envOf, limitsOf, type Profile, profileOf } from "./profiles.js";
import { runHistory } from "./run-history.js";
import { search } from "./search.js";
import { makeSecondApp } from "./second-app.js";
import { createTally, type Tally } from "./tally.js";

export interface Options {
  readonly engine: Engine;
  readonly count: number;
  readonly seed: number;
  /** The first history to run, where an earlier run of the same seed was interrupted. */
  readonly from: number;
  readonly processes: number;
  /** What the histories to run are about. Null: whatever their seeds say. */
  readonly about: Subject | null;
  /** The fault to plant. Then only the invariant that it breaks is asked about, until it is found to be violated. */
  readonly breaks: Break | null;
  /** How often each history is run, unless it is found to be wrong before. */
  readonly tries: number;
  /** Whether smaller plans of a finding are looked for. */
  readonly shrinks: boolean;
  /** No history is waited for any longer once this resolves. */
  readonly interruption: Promise<void>;
  /** Told after each history. */
  readonly onHistory: () => void;
}

/** Runs histories one after the other and prints what it finds. */
export async function runAll(options: Options): Promise<Tally> {
  const { engine, seed, from, count, processes, breaks } = options;
  const database = await createDatabase(engine);
  const interrupted = options.interruption.then(() => "interrupted" as const);
  const mismatches = new Map<string, number>();
  let planted = false;
  const fleets = createFleets({
    server: serverOf(breaks),
    count: processes,
    env: createEnv(database.url),
    folder: newFolder(),
    onLine: (line) => noteMismatch(line, mismatches),
    async onDatabaseMade({ admin }) {
      await makeSecondApp(admin);
      if (!planted) await plantInDatabase(database.url, breaks);
      planted = true;
    },
  });
  const tally = createTally();
  const run = randomBytes(4).toString("hex");
  try {
    for (let n = from; n < count; n += 1) {
      const own = seed + n;
      if (options.about !== null && options.about !== subjectOf(own)) continue;
      const profile = profileOf(own);
      const fleet = await fleets.of(profile);
      const deps = { fleet, limits: limitsOf(profile), run, mismatches };
      const searching = search({
        seed: own,
        processes,
        invariants: breaks === null ? invariantNames : [brokenBy(breaks)],
        tries: options.tries,
        shrinks: options.shrinks,
        onGivenUp: tally.giveUp,
        run: async (plan) => tally.count(await runHistory(plan, deps)),
      });
      const finding = await Promise.race([interrupted, searching]);
      if (finding === "interrupted") break;
      const repeat = `repeat it with: npm run test:histories -- ${argumentsOf(options)} --seed ${own} --count 1`;
      if (finding !== null) console.log(describeFinding(finding, { seed: own, repeat }));
      tally.finish(finding !== null);
      options.onHistory();
      if (finding !== null && breaks !== null) break;
    }
  } finally {
    await fleets.stop();
    await database.drop();
  }
  tally.print();
  return tally;
}

function argumentsOf({ engine, processes, breaks }: Options): string {
  return `--engine ${engine} --processes ${processes}${breaks === null ? "" : ` --break ${breaks}`}`;
}

/** Servers of one profile run until another is asked for. */
function createFleets(options: Parameters<typeof startFleet>[0]) {
  let current: { readonly profile: Profile; readonly fleet: Fleet } | null = null;
  return {
    async of(profile: Profile): Promise<Fleet> {
      if (current?.profile === profile) return current.fleet;
      await current?.fleet.stop();
      current = null;
      const fleet = await startFleet({ ...options, env: { ...options.env, ...envOf(profile) } });
      current = { profile, fleet };
      return fleet;
    },
    async stop(): Promise<void> {
      await current?.fleet.stop();
    },
  };
}

/** A refusal that names a mismatch followed a comparison; the other refusals did not need one. */
function noteMismatch(line: string, mismatches: Map<string, number>): void {
  const challenge = / code refused challengeId=(\S+) why=mismatch /.exec(line)?.[1];
  if (challenge !== undefined) mismatches.set(challenge, (mismatches.get(challenge) ?? 0) + 1);
}
