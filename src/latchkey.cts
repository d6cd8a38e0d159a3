// CommonJS, because the size of libuv's thread pool is read once, and the loader of ES modules has started the pool by then.
import fs = require("node:fs");
import os = require("node:os");

/** Threads that the hashes leave to files and name look-ups. */
const spareThreads = 4;

/** Refused values are reported later, with all others. */
function codeHash(): string | undefined {
  const { LATCHKEY_CODE_HASH: direct, LATCHKEY_CODE_HASH_FILE: path } = process.env;
  if (direct !== undefined || path === undefined) return direct;
  try {
    return fs.readFileSync(path, "utf8").trimEnd();
  } catch {
    return undefined;
  }
}

/** As `hashConcurrency` of core.ts, which can't be imported before the pool has its size. */
const hashes = codeHash() === "owasp" ? os.availableParallelism() + 1 : 6 * os.availableParallelism();
const wanted = hashes + spareThreads;
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
