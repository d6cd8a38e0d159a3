import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { readDevClients } from "../../src/cli/dev-clients.js";
import { unique } from "../store/contract/fixtures.js";
import { tempDir } from "../store/temp-dir.js";

const root = tempDir();
let directory: string;
let file: string;
beforeEach(() => {
  directory = join(root, unique("run"), ".latchkey");
  mkdirSync(join(directory, ".."));
  file = join(directory, "clients.json");
});

describe("the file of development's clients", () => {
  it("is made once, for its owner alone, and stays", () => {
    const made = readDevClients(directory);
    expect(made).toEqual([
      { clientId: "default-backend", clientSecret: expect.stringMatching(/^lk_[A-Za-z0-9_-]{43}$/) },
      { clientId: "default-admin", clientSecret: expect.stringMatching(/^lk_[A-Za-z0-9_-]{43}$/) },
    ]);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(
      Object.fromEntries(
        made.map(({ clientId, clientSecret }) => [clientId, { client_id: clientId, client_secret: clientSecret }]),
      ),
    );
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readDevClients(directory)).toEqual(made);
  });

  it("is agreed on by processes that start at once, who leave no drafts", async () => {
    const script = `import { readDevClients } from ${JSON.stringify(new URL("../../src/cli/dev-clients.ts", import.meta.url).href)};
      console.log(JSON.stringify(readDevClients(${JSON.stringify(directory)})));`;
    const starts = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script]),
    );
    expect(new Set((await Promise.all(starts)).map(({ stdout }) => stdout)).size).toBe(1);
    expect(readdirSync(directory)).toEqual(["clients.json"]);
  }, 30_000);

  it.each<[string, () => void, RegExp]>([
    ["is open to other users", () => chmodSync(file, 0o640), /chmod 600 /],
    ["is in a folder that is open to other users", () => chmodSync(directory, 0o755), /chmod 700 /],
    ["is cut off", () => writeFileSync(file, readFileSync(file, "utf8").slice(0, -20)), /does not hold the credentials/],
    ["is empty", () => writeFileSync(file, ""), /does not hold the credentials/],
    ["lacks a client", () => rewrite(({ "default-admin": _, ...others }) => others), /does not hold the credentials/],
    ["has a secret that was typed", () => rewriteSecret("changeme"), /does not hold the credentials/],
    ["has a number for a secret", () => rewriteSecret(7), /does not hold the credentials/],
    ["is a list", () => writeFileSync(file, "[]"), /does not hold the credentials/],
    ["is null", () => writeFileSync(file, "null"), /does not hold the credentials/],
  ])("is refused when it %s, with the way out and without its contents, and left as it is", (_what, spoil, message) => {
    const { clientSecret } = readDevClients(directory)[0]!;
    spoil();
    const before = readFileSync(file, "utf8");
    let refusal = "";
    try {
      readDevClients(directory);
    } catch (error) {
      refusal = String(error);
    }
    expect(refusal).toMatch(message);
    for (const secret of [clientSecret, "changeme", "lk_"]) expect(refusal).not.toContain(secret);
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  function rewrite(change: (file: Record<string, unknown>) => unknown): void {
    writeFileSync(file, JSON.stringify(change(JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>)));
  }
  function rewriteSecret(secret: unknown): void {
    rewrite((was) => ({ ...was, "default-backend": { client_id: "default-backend", client_secret: secret } }));
  }
});
