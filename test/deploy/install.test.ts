import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = fileURLToPath(new URL("../../deploy/install.sh", import.meta.url));

describe("what install.sh asks for, before it changes anything", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-install-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Without an issuer, so that it always stops with a list of problems. */
  function problemsOf(...argv: string[]): string {
    const root = join(folder, "root");
    const env = { PATH: process.env.PATH ?? "" };
    const { status, stderr } = spawnSync("sh", [script, "--no-build", "--root", root, ...argv], { encoding: "utf8", env });
    expect(status, stderr).toBe(1);
    expect(readdirSync(folder)).not.toContain("root");
    expect(stderr).toContain("- The issuer is missing.");
    return stderr;
  }

  it("is a carrier", () => {
    expect(problemsOf()).toContain("- A carrier is missing.");
  });

  it.each(["smtp", "sms", "whatsapp", "voice", "ussd"])("is satisfied by a carrier of one channel: --%s-url-file", (name) => {
    const file = join(folder, "one url");
    writeFileSync(file, "smpp://system:hunter2@smsc.example.com:2775\n");
    const problems = problemsOf(`--${name}-url-file`, file);
    expect(problems).not.toMatch(/carrier is missing|-url-file/);
  });

  it("is a URL in each file; what is in the file and the name of the file are not repeated", () => {
    const file = join(folder, "hunter2");
    writeFileSync(file, "hunter2\n");
    const problems = problemsOf("--sms-url-file", file, "--voice-url-file", join(folder, "hunter2-missing"));
    expect(problems).toContain(
      "- The file of --sms-url-file must hold one URL that begins with its scheme, such as smtp:// or smpp://.",
    );
    expect(problems).toContain("- The file of --voice-url-file is missing, unreadable or empty.");
    expect(problems).not.toContain("hunter2");
  });
});
