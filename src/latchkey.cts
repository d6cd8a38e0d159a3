// CommonJS, because libuv reads the size of its thread pool once, and the loader of ES modules has already started the pool.
import nodeModule = require("node:module");

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`Node.js ${process.versions.node} is too old: Latchkey needs 20.19 or later. Install Node.js 24.\n`);
  process.exit(1);
}

// An older Node.js can't load an ES module this way, which reads files without the pool. tsx knows only this spelling of `require`.
const { availableCores }: typeof import("./lib/cores.js") = nodeModule.createRequire(__filename)("./lib/cores.js");

/**
 * More threads than any profile hashes at once (`hashConcurrency` in `core.ts`, which can't be imported before the pool has its
 * size). So file access and name lookups never wait for hashes. Idle threads cost a few kilobytes each.
 */
const wanted = 8 * availableCores() + 4;
const present = Number(process.env.UV_THREADPOOL_SIZE);
if (!(present >= wanted)) process.env.UV_THREADPOOL_SIZE = String(wanted);

// The AWS SDK would warn on Node.js 20 about its own future versions. package.json pins one that supports Node.js 20, so operators
// have nothing to do. This is the SDK's own switch.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= "true";

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
