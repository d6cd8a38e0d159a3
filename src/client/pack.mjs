/**
 * Packs `latchkey-client` from the build: `npm run pack:client` writes latchkey-client-<version>.tgz to this folder. With
 * `-- --pack-destination <folder>`, or other options of `npm pack`, elsewhere.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const server = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** The version that the tests run with, or a later one of the same major version. */
function range(name) {
  const version = server.dependencies[name] ?? server.devDependencies[name];
  if (version === undefined) throw new Error(`package.json does not have ${name}, which latchkey-client depends on`);
  return `^${version}`;
}

const ranges = (names) => Object.fromEntries(names.map((name) => [name, range(name)]));
const entry = (name) => ({ types: `./client/${name}.d.ts`, default: `./client/${name}.js` });

const manifest = {
  name: "latchkey-client",
  version: server.version,
  description: "Client of Latchkey, the self-hosted one-time-passcode service: for browsers and Node backends.",
  license: server.license,
  homepage: server.homepage,
  repository: server.repository,
  bugs: server.bugs,
  type: "module",
  engines: server.engines,
  exports: {
    ".": entry("index"),
    "./grpc": entry("grpc"),
    "./service": entry("service"),
    "./gen": entry("gen"),
    "./package.json": "./package.json",
  },
  sideEffects: false,
  dependencies: ranges(["@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web", "idb-keyval", "jose"]),
  peerDependencies: ranges(["@grpc/grpc-js"]),
  peerDependenciesMeta: { "@grpc/grpc-js": { optional: true } },
};

/** Copies what the build made of each source. The build folder may also hold files whose sources are gone. */
function copyBuilt(folder, target) {
  for (const file of readdirSync(join(root, "src", folder), { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts")) continue;
    for (const built of [file.replace(/\.ts$/, ".js"), file.replace(/\.ts$/, ".d.ts")]) {
      const path = join(target, folder, built);
      mkdirSync(dirname(path), { recursive: true });
      // The sources are not in the package.
      const text = readFileSync(join(root, "dist", folder, built), "utf8").replace(/^\/\/# sourceMappingURL=.*\n?/m, "");
      writeFileSync(path, text);
    }
  }
}

const staging = mkdtempSync(join(tmpdir(), "latchkey-client-"));
try {
  writeFileSync(join(staging, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(root, "LICENSE"), join(staging, "LICENSE"));
  copyFileSync(join(root, "src/client/README.md"), join(staging, "README.md"));
  copyBuilt("client", staging);
  copyBuilt("gen/client", staging);
  const { status } = spawnSync("npm", ["pack", "--loglevel=error", staging, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} finally {
  rmSync(staging, { recursive: true, force: true });
}
