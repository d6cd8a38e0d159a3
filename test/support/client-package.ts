import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
export const repository = join(import.meta.dirname, "../..");

/** Packs `latchkey-client` from the build, `dist`, into a folder. Returns the tarball's path. */
export async function packClient(folder: string): Promise<string> {
  const pack = join(repository, "src/client/pack.mjs");
  const { stdout } = await run(process.execPath, [pack, "--pack-destination", folder], { cwd: folder });
  return join(folder, stdout.trim());
}

/** Puts the packed client into an app's `node_modules`, with links to this repository's copies of the packages it needs. */
export async function linkClient(app: string, besides: readonly string[] = []): Promise<string> {
  const target = join(app, "node_modules/latchkey-client");
  mkdirSync(target, { recursive: true });
  await run("tar", ["-xzf", await packClient(app), "--strip-components=1", "-C", target]);
  const manifest = JSON.parse(readFileSync(join(target, "package.json"), "utf8")) as Record<string, Record<string, string>>;
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of [...needed, ...besides]) {
    const path = join(app, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(repository, "node_modules", name), path, "dir");
  }
  return target;
}
