import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { buf, cache, cacheBin, goProgram, interop, repository } from "./paths.js";
import { runWell } from "./run.js";

/** Generates stubs from the proto files with the plugins that go.mod pins, and builds the Go program on them. */
export async function prepareGo(): Promise<void> {
  const module = join(cache, "go");
  mkdirSync(cacheBin, { recursive: true });
  cpSync(join(interop, "go"), module, { recursive: true });
  // The first time everything is downloaded.
  const options = { cwd: module, env: { GOBIN: cacheBin, GOFLAGS: "-buildvcs=false" }, timeoutMs: 600_000 };
  await runWell("go", ["install", "tool"], options);
  const files = ["--path", join(repository, "proto/latchkey")];
  await runWell(buf, ["generate", repository, "--template", "buf.gen.yaml", ...files], options);
  await runWell("go", ["build", "-o", goProgram, "."], options);
}
