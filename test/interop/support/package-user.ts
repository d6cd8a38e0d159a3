import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkClient } from "../../support/client-package.js";
import { repository } from "./paths.js";
import { run, runWell } from "./run.js";

/** Packages that a user of ours installs beside ours. */
const besides = ["@connectrpc/connect-node", "@types/node"];

const compilerOptions = {
  target: "ES2023",
  lib: ["ES2023", "DOM"],
  module: "NodeNext",
  strict: true,
  verbatimModuleSyntax: true,
  noEmit: true,
  types: ["node"],
};

/** Compiles a module as a strict project that has `latchkey-client` installed would, then runs it. Gives what it prints. */
export async function runAsPackageUser(source: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "latchkey-user-"));
  try {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["main.ts"] }));
    writeFileSync(join(folder, "main.ts"), source);
    await linkClient(folder, besides);
    const bin = (name: string) => join(repository, "node_modules/.bin", name);
    const compiled = await run(bin("tsc"), ["-p", "."], { cwd: folder });
    if (compiled.exitCode !== 0) throw new Error(`does not compile:\n${compiled.stdout}`);
    return await runWell(bin("tsx"), ["main.ts"], { cwd: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
