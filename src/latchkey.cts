// CommonJS, because the size of libuv's thread pool is read once, and the loader of ES modules has started the pool by then.
import os = require("node:os");

/**
 * More threads than any profile hashes at once (`hashConcurrency` in `core.ts`, which can't be imported before the pool has its size),
 * so that files and name look-ups never wait for hashes. Idle threads cost some kilobytes each.
 */
const wanted = 8 * os.availableParallelism() + 4;
const present = Number(process.env.UV_THREADPOOL_SIZE);
if (!(present >= wanted)) process.env.UV_THREADPOOL_SIZE = String(wanted);

// The exit is explicit: a command that is done must not wait for connections that are left idle.
import("./cli/main.js")
  .then(({ run }) => run(process.argv.slice(2), process.env))
  .then(
    (exitCode) => process.exit(exitCode),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
