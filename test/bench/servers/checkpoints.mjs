// A process that writes to a database of the server's settings, and times the commits that checkpoint.
import { performance } from "node:perf_hooks";
import { openDatabase } from "../../../dist/store/sqlite/sqlite.js";

const db = openDatabase(process.env.BENCH_DATABASE);
const shippedPages = db.pragma("wal_autocheckpoint", { simple: true });
const last = db.prepare("SELECT max(rowid) FROM sessions").pluck().get();
const change = db.prepare("UPDATE sessions SET last_used_at = last_used_at + 1 WHERE rowid = ?");
const log = db.prepare("PRAGMA wal_checkpoint(NOOP)");
const [begin, commit] = ["BEGIN IMMEDIATE", "COMMIT"].map((sql) => db.prepare(sql));
/** Pages of one commit, most of them not in the log yet: those of some five sign-ins at once. */
const pagesOfCommit = 100;

/** Makes one commit. Gives how long the commit itself took if it made a checkpoint, otherwise null. */
function write() {
  const before = log.get().checkpointed;
  begin.run();
  for (let page = 0; page < pagesOfCommit; page += 1) change.run(1 + Math.floor(Math.random() * last));
  const startedAt = performance.now();
  commit.run();
  const ms = performance.now() - startedAt;
  // An empty log begins at 0 again.
  const { checkpointed } = log.get();
  return checkpointed > 0 && checkpointed !== before ? ms : null;
}

globalThis.answer({
  ready: () => ({}),
  /** Times checkpoints until `ms` have passed, at the number of pages given or the shipped one. */
  measure({ pages = shippedPages, ms }) {
    db.pragma("wal_checkpoint(TRUNCATE)");
    db.pragma(`wal_autocheckpoint = ${pages}`);
    const cpuBefore = process.cpuUsage();
    const until = performance.now() + ms;
    const times = [];
    let commits = 0;
    for (; performance.now() < until || times.length === 0; commits += 1) {
      const time = write();
      if (time !== null) times.push(time);
    }
    times.sort((a, b) => a - b);
    const { user, system } = process.cpuUsage(cpuBefore);
    return {
      longest: times.at(-1),
      median: times[Math.floor(times.length / 2)],
      cpuMs: (user + system) / 1000 / commits,
      perSecond: (1000 * commits) / ms,
    };
  },
});
process.on("SIGTERM", () => {
  db.close();
  process.exit();
});
