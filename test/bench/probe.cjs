// Loaded into every process of the bench before its own code: answers the bench's questions, and ends the process with the bench.
const { syncBuiltinESMExports } = require("node:module");
const os = require("node:os");

// Another number of cores to size the hash queue and the thread pool by, for trying settings that are no settings.
const parallelism = Number(process.env.BENCH_PARALLELISM);
if (parallelism > 0) {
  os.availableParallelism = () => parallelism;
  syncBuiltinESMExports();
}

const handlers = {
  usage() {
    const { user, system } = process.cpuUsage();
    return { cpuMs: (user + system) / 1000, rssMb: process.memoryUsage.rss() / 2 ** 20 };
  },
};
/** Questions that came before who can answer them. */
let early = [];

async function reply(message) {
  const handler = handlers[message.question];
  if (handler === undefined) return void early.push(message);
  try {
    process.send({ id: message.id, reply: (await handler(message.detail)) ?? null });
  } catch (error) {
    process.send({ id: message.id, error: error.stack });
  }
}

process.on("message", reply);
process.on("disconnect", () => process.exit());

/** Adds functions that answer the questions of their names, see `processes.mjs`. */
globalThis.answer = (more) => {
  Object.assign(handlers, more);
  const waiting = early;
  early = [];
  for (const message of waiting) void reply(message);
};
