import { existsSync } from "node:fs";
import { buf, cacheBin, latchkeyBin } from "./paths.js";
import { run } from "./run.js";

interface Tool {
  readonly name: string;
  readonly how: string;
  /** A command that succeeds where the tool is good enough. */
  readonly check: readonly [string, ...string[]];
}

const grpcurlModule = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3";

const tools: readonly Tool[] = [
  { name: "bash", how: "apt-get install bash", check: ["bash", "--version"] },
  { name: "curl", how: "apt-get install curl", check: ["curl", "--version"] },
  { name: "jq", how: "apt-get install jq", check: ["jq", "--version"] },
  {
    name: "Python 3.11 or later with venv",
    how: "apt-get install python3-venv",
    check: ["python3", "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"],
  },
  {
    name: "PHP with curl",
    how: "apt-get install php-cli php-curl",
    check: ["php", "-r", "exit(extension_loaded('curl') ? 0 : 1);"],
  },
  {
    name: "Go 1.25 or later",
    how: "https://go.dev/dl/",
    check: ["bash", "-c", "go version | grep -Eq 'go(1\\.(2[5-9]|[3-9][0-9])|[2-9])'"],
  },
  { name: "grpcurl", how: `GOBIN=${cacheBin} go install ${grpcurlModule}`, check: ["grpcurl", "-version"] },
  {
    name: "Chromium",
    how: "apt-get install chromium, or set CHROMIUM_PATH",
    check: [process.env.CHROMIUM_PATH ?? "/usr/bin/chromium", "--version"],
  },
  { name: "buf", how: "npm ci", check: [buf, "--version"] },
];

/** Throws one error that names everything that is missing and how to get it. */
export async function checkTools(): Promise<void> {
  const found = await Promise.all(tools.map(({ check: [command, ...args] }) => succeeds(command, args)));
  const missing = tools.filter((_, at) => !found[at]).map(({ name, how }) => `${name}: ${how}`);
  if (!existsSync(latchkeyBin)) missing.push(`the build, ${latchkeyBin}: npm run build`);
  if (missing.length === 0) return;
  throw new Error(
    [
      "This suite runs what others call Latchkey with, and some of it is missing here. `.ci/run` installs it; by hand:",
      ...missing,
    ].join("\n  "),
  );
}

async function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return await run(command, args).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}
