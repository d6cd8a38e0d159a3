// CommonJS, because libuv reads the size of its thread pool once, and the loader of ES modules has already started the pool.
import os = require("node:os");

/**
 * More threads than any profile hashes at once (`hashConcurrency` in `core.ts`, which can't be imported before the pool has its
 * size). So file access and name lookups never wait for hashes. Idle threads cost a few kilobytes each.
 */
const wanted = 8 * os.availableParallelism() + 4;
const present = Number(process.env.UV_THREADPOOL_SIZE);
if (!(present >= wanted)) process.env.UV_THREADPOOL_SIZE = String(wanted);

// The exit is explicit: a finished command must not wait for idle connections.
import("./cli/main.js")
  .then(({ run }) => run(process.argv.slice(2), process.env))
  .then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
