import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startTestApp } from "../support/app.js";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

describe.each(testEngines())("test-identifier commands on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "create", "shop"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const tests = (...argv: string[]) => latchkey(env, ["test-identifier", ...argv, "--app", "shop"]);
  const listed = async () => (await tests("list", "--json")).json();

  it("put, list and delete them, and say what they mean", async () => {
    expect((await tests("list")).out).toBe("The app shop has no test identifiers.\n");
    const put = await tests("put", "Reviewer@Example.com", "--code", "424242", "--for", "60d");
    expect(put.code).toBe(0);
    expect(put.out).toMatch(/^The code 424242 signs in test accounts of the app shop as reviewer@example\.com until \S+Z\.$/m);
    expect(put.err).toMatch(/set a test identifier by=operator app=shop pattern=reviewer@example\.com endsAt=\S+Z/);
    await tests("put", "qa-*@example.com", "--code", "131313");
    expect(await listed()).toMatchObject([
      { pattern: "reviewer@example.com", code: "424242", ends_at: expect.any(String) },
      { pattern: "qa-*@example.com", code: "131313" },
    ]);
    expect((await tests("list")).out).toMatch(/^qa-\*@example\.com {16} 131313 {4} ends at \S+Z$/m);
    expect((await tests("delete", "qa-*@example.com")).out).toMatch(/^Removed the test identifier\./);
    expect(await listed()).toHaveLength(1);
  });

  it.each([
    [["put", "qa*", "--code", "424242"], "The pattern must be an e-mail address, a phone number like +12025550123, or a range"],
    [["put", "a@example.com", "--code", "123"], "--code must be 6 to 10 digits"],
    [["put", "a@example.com", "--code", "424242", "--for", "91d"], "--for must be in the future, and at most 90 days from now"],
    [["delete", "a@example.com"], "The pattern is no test identifier of the app"],
  ])("%j is refused in one sentence, and nothing changes", async (argv, sentence) => {
    const { code, out, err } = await tests(...argv);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain(sentence);
    expect(await listed()).toEqual([]);
  });

  it("user find says that a test identifier covers a contact, and send-test sends nothing to it", async () => {
    await tests("put", "ada@example.com", "--code", "424242");
    await latchkey(env, ["user", "create", "--app", "shop", "--email", "ada@example.com", "--verified", "email"]);
    const found = await latchkey(env, ["user", "find", "ada@example.com", "--app", "shop"]);
    expect(found.out).toContain("ada@example.com: A test identifier of the app covers this contact, so no code is sent to it");
    expect(found.out).toContain("`latchkey test-identifier list --app shop` shows it");
    const sent = await latchkey(env, ["send-test", "--to", "ada@example.com", "--app", "shop"]);
    expect(sent).toMatchObject({ code: 1, out: "" });
    expect(sent.err).toContain("is covered by a test identifier of the app, so nothing is sent to it");
    const made = await latchkey(env, [
      "user",
      "create",
      "--app",
      "shop",
      "--email",
      "eve@example.com",
      "--credential-type",
      "test",
    ]);
    expect(made.code).toBe(0);
    const test = await latchkey(env, ["user", "find", "eve@example.com", "--app", "shop"]);
    expect(test.out).toContain("The user is a test account, which only the code of a test identifier signs in");
  });
});

describe("the start of a server", () => {
  it("lists the test identifiers that work, in production alone", async () => {
    const production = {
      LATCHKEY_MODE: "production",
      LATCHKEY_ISSUER: "https://auth.example.com",
      LATCHKEY_TLS: "terminated",
      LATCHKEY_DRAIN_DELAY: "0",
      LATCHKEY_SMTP_URL: "smtp://127.0.0.1:1?from=codes@example.com&starttls=never",
    };
    const on = await startTestApp(commandSecrets);
    let last = on;
    try {
      const now = on.clock();
      const listed = [
        { pattern: "qa-*@example.com", code: "424242", endsAt: now + 1_000 },
        { pattern: "old@example.com", code: "424242", endsAt: now - 1_000 },
      ];
      await on.app.core.deps.store.apps.changeApp({ appId: "default", apply: (app) => ({ ...app, testIdentifiers: listed }) });
      const lines = () => last.log.lines.filter(({ message }) => message.startsWith("a test identifier works"));
      last = await on.restart();
      expect(lines()).toEqual([]);
      await last.app.stop();
      last = await startTestApp({
        ...commandSecrets,
        ...production,
        LATCHKEY_DATABASE_URL: `sqlite:${join(on.folder, "latchkey.db")}`,
      });
      expect(lines()).toEqual([
        {
          level: "warn",
          message: "a test identifier works: its code is no secret",
          fields: { app: "default", pattern: "qa-*@example.com", endsAt: new Date(now + 1_000).toISOString() },
        },
      ]);
    } finally {
      await last.stop();
      rmSync(on.folder, { recursive: true, force: true });
    }
  });
});
