import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startTestApp } from "../support/app.js";

const repository = new URL("../../", import.meta.url).pathname;
/** Without comments, an instruction a line. */
const file = readFileSync(join(repository, "deploy/Containerfile"), "utf8")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll("\\\n", "");
const [, build, final] = file.split(/^(?=FROM )/m);

describe("the container file", () => {
  it("copies files that exist, by name, and only what was built into the image", () => {
    const copied = [...build!.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, sources]) => sources!.split(" "));
    expect(copied).toContain("package-lock.json");
    expect(copied.filter((path) => !existsSync(join(repository, path)))).toEqual([]);
    expect(copied.filter((path) => /^\.?\/?$|\*/.test(path))).toEqual([]);
    expect([...final!.matchAll(/^COPY (?!--from=build )/gm)]).toEqual([]);
  });

  it("runs as a user without privileges, with no setting but the mode, a program that the build makes", () => {
    expect(final).toMatch(/^USER [1-9]\d*:/m);
    expect(final!.match(/LATCHKEY_\w+=\S+/g)).toEqual(["LATCHKEY_MODE=production"]);
    const [, program] = /^ENTRYPOINT \["\/opt\/latchkey\/(.+)"\]$/m.exec(final!)!;
    expect(existsSync(join(repository, program!))).toBe(true);
  });

  it("has the program on the PATH, as `latchkey`", () => {
    const [, program] = /^ENTRYPOINT \["(.+)"\]$/m.exec(final!)!;
    expect(final).toContain(`RUN ln -s ${program} /usr/local/bin/latchkey\n`);
  });

  it("has a health check that succeeds while the server is ready and fails when it is gone", async () => {
    const [, command] = /HEALTHCHECK[^[]*(\[.*\])/.exec(final!)!;
    const [node, ...args] = JSON.parse(command!) as string[];
    expect(node).toBe("node");
    const check = (port: number) => exitCode(args.map((arg) => arg.replace(":8080/", `:${port}/`)));
    const on = await startTestApp();
    expect(await check(on.app.httpPort)).toBe(0);
    await on.stop();
    expect(await check(on.app.httpPort)).toBe(1);
  });
});

/** Of Node with these arguments, without holding up this process, which serves. */
async function exitCode(args: readonly string[]): Promise<number | null> {
  return await new Promise((resolve) => spawn(process.execPath, args).once("exit", resolve));
}
