import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot, repository } from "./paths.js";
import { run, runWell } from "./run.js";

/** Packages that a user of ours installs beside ours. */
const besides = [
  "@grpc/grpc-js",
  "@connectrpc/connect",
  "@connectrpc/connect-node",
  "@connectrpc/connect-web",
  "@bufbuild/protobuf",
];
const types = ["@types/node"];

const compilerOptions = {
  target: "ES2023",
  lib: ["ES2023", "DOM"],
  module: "NodeNext",
  strict: true,
  verbatimModuleSyntax: true,
  noEmit: true,
  types: ["node"],
};

/** Compiles a module as a strict project that has `latchkey` installed would, then runs it. Gives what it prints. */
export async function runAsPackageUser(source: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-user-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    writeFileSync(join(folder, "main.ts"), source);
    link(packageRoot, join(folder, "node_modules/latchkey"));
    for (const name of [...besides, ...types]) link(join(repository, "node_modules", name), join(folder, "node_modules", name));
    const bin = (name: string) => join(repository, "node_modules/.bin", name);
    const compiled = await run(bin("tsc"), ["-p", "."], { cwd: folder });
    if (compiled.exitCode !== 0) throw new Error(`does not compile:\n${compiled.stdout}`);
    return await runWell(bin("tsx"), ["main.ts"], { cwd: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function link(target: string, path: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  symlinkSync(target, path, "dir");
}
