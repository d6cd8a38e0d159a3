import { stride } from "../large/shapes.mjs";
import { inTurns } from "../measure.mjs";

/** 200 MB: more pages than SQLite keeps in memory, so that commits change others each time. */
const size = { users: 200_000, sessions: 200_000, challenges: 1_000 };
/** What Latchkey shipped with before. */
const manyPages = 8_000;

/** How long SQLite's checkpoints, which run in a commit, block the event loop, at the shipped number of pages and at more. */
export async function measureCheckpoints({ stage, report, rounds, windowMs }) {
  const server = await stage.startCheckpoints("checkpoints", { size, stride });
  const { shipped, many } = await inTurns(rounds, {
    shipped: () => server.ask("measure", { ms: windowMs }),
    many: () => server.ask("measure", { ms: windowMs, pages: manyPages }),
  });
  await server.stop();
  report.add("longest hold of the event loop by a checkpoint, SQLite", { value: shipped.longest, unit: "ms", atMost: 25 });
  report.add(`  with ${manyPages} pages`, { value: many.longest, unit: "ms" });
  report.add("  median", { value: shipped.median, unit: "ms" });
  report.add(`  median with ${manyPages} pages`, { value: many.median, unit: "ms" });
  report.add(`  CPU of a commit of 100 pages, to one with ${manyPages} pages`, {
    value: shipped.cpuMs,
    unit: "ms CPU",
    reference: many.cpuMs,
  });
  report.add(`  such commits, to those with ${manyPages} pages`, {
    value: shipped.perSecond,
    unit: "/s",
    reference: many.perSecond,
  });
}
