import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packClient } from "../../support/client-package.js";
import { cache, repository } from "./paths.js";
import { runWell } from "./run.js";

const folder = join(cache, "next");

/** What an app with Next.js installs beside `latchkey-client`. */
const packages = {
  next: "16.4.6",
  react: "19.3.1",
  "react-dom": "19.3.1",
  typescript: "5.9.3",
  "@types/node": "20.19.43",
  "@types/react": "19.3.3",
};

/**
 * Makes a folder with Next.js and this build's `latchkey-client`, as `npm install` would, and returns its path. The packages are
 * downloaded once: 370 MB on disk.
 */
export async function prepareNext(): Promise<string> {
  const own = JSON.parse(readFileSync(join(repository, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly devDependencies: Readonly<Record<string, string>>;
  };
  const versions = { ...own.devDependencies, ...own.dependencies };
  mkdirSync(folder, { recursive: true });
  const client = join(folder, "node_modules/latchkey-client");
  rmSync(client, { recursive: true, force: true });
  const tarball = await packClient(folder);
  const unpacked = join(folder, "client");
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked);
  await runWell("tar", ["-xzf", tarball, "--strip-components=1", "-C", unpacked]);
  rmSync(tarball);
  const manifest = JSON.parse(readFileSync(join(unpacked, "package.json"), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const needed = Object.fromEntries(Object.keys(manifest.dependencies).map((name) => [name, versions[name]]));
  const wanted = JSON.stringify({ name: "app", private: true, dependencies: { ...packages, ...needed } }, null, 2);
  // Written last: a folder without it was not finished.
  const installed = join(folder, "installed.json");
  if (!existsSync(installed) || readFileSync(installed, "utf8") !== wanted) {
    rmSync(join(folder, "node_modules"), { recursive: true, force: true });
    writeFileSync(join(folder, "package.json"), wanted);
    await runWell("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, timeoutMs: 300_000 });
    writeFileSync(installed, wanted);
  }
  await runWell("mv", [unpacked, client]);
  return folder;
}
