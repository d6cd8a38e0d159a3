import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { withDevSecrets } from "../../src/cli/dev-secrets.js";
import { guessing } from "../../src/cli/doctor/codes.js";
import { checkNode } from "../../src/cli/doctor/node-version.js";
import { withKeyStore } from "../../src/cli/key-store.js";
import { run } from "../../src/cli/main.js";
import { diskFiles, type Env, readSettings, type Settings } from "../../src/config/settings.js";
import { createHookSecrets } from "../../src/crypto/hook-secrets.js";
import { hashConcurrency } from "../../src/server/core.js";
import { startMailServer } from "../support/smtp.js";

const key = (): string => randomBytes(32).toString("base64");

let directory: string;
let env: Env;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
  env = {
    LATCHKEY_MODE: "development",
    LATCHKEY_DATABASE_URL: `sqlite:${join(directory, "latchkey.db")}`,
    LATCHKEY_PEPPER: key(),
    LATCHKEY_MASTER_KEY: key(),
    LATCHKEY_CODE_HASH: "fast",
  };
});

afterEach(() => rmSync(directory, { recursive: true }));

async function latchkey(argv: string[], with_: Env = env): Promise<{ code: number; out: string; err: string }> {
  const text = { out: "", err: "" };
  const io = {
    out: (line: string) => {
      text.out += `${line}\n`;
    },
    err: (line: string) => {
      text.err += `${line}\n`;
    },
    confirm: async () => false,
  };
  return { code: await run(argv, with_, io), ...text };
}

function settingsOf(from: Env): Settings {
  const result = readSettings(from, { files: diskFiles });
  if (!result.ok) throw new Error(result.problems.join("\n"));
  return result.settings;
}

describe("every command", () => {
  it.each([
    ["serve"],
    ["migrate"],
    ["backup", "-"],
    ["restore", "-"],
    ["keys", "list"],
    ["keys", "rotate"],
    ["keys", "retire", "1"],
    ["app", "list"],
    ["client", "create", "--app", "default", "--kind", "public"],
  ])("%s %s refuses wrong settings with all problems, exit code 1 and no stack", async (...argv) => {
    const { code, out, err } = await latchkey(argv, { ...env, LATCHKEY_CODE_TTL: "1y", LATCHKEY_TLS: "maybe" });
    expect(code).toBe(1);
    expect(out).toBe("");
    expect(err.trimEnd().split("\n")).toHaveLength(2);
    expect(err).not.toMatch(/^\s+at /m);
  });

  it("unknown ones and no command at all are refused", async () => {
    expect(await latchkey(["frobnicate"])).toMatchObject({ code: 1, err: "error: unknown command 'frobnicate'\n" });
    expect((await latchkey([])).code).toBe(1);
  });

  it.each([
    ["serve", "--pepper=hunter2"],
    ["doctor", "--smtp-url=smtp://user:hunter2@mail.example.com"],
    ["backup", "postgres://user:hunter2@db.example.com/latchkey"],
    ["restore", "--force", "postgres://user:hunter2@db.example.com/latchkey"],
    ["migrate", "--to-file", "postgres://user:hunter2@db.example.com/latchkey"],
    ["client", "create", "--app", "default", "--kind", "confidential", "--secret=hunter2"],
    [
      "client",
      "create",
      "--app",
      "default",
      "--kind",
      "confidential",
      "--jwks",
      "postgres://user:hunter2@db.example.com/latchkey",
    ],
  ])("%s refuses a secret that was typed by mistake without repeating it, and makes no database", async (...argv) => {
    const { code, out, err } = await latchkey(argv);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toMatch(/unknown option|not a URL/);
    expect(err).not.toContain("hunter2");
    expect(readdirSync(directory)).toEqual([]);
  });

  it("--help and --version succeed", async () => {
    expect(await latchkey(["--help"])).toMatchObject({ code: 0, err: "" });
    expect((await latchkey(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it("a stack is shown at debug level alone", async () => {
    writeFileSync(join(directory, "latchkey.db"), "this is no database, it only looks like a file\n".repeat(100));
    const quiet = await latchkey(["migrate"]);
    expect(quiet).toMatchObject({ code: 1, out: "" });
    expect(quiet.err.trimEnd().split("\n")).toHaveLength(1);
    expect(quiet.err).toContain("not a SQLite database");
    expect((await latchkey(["migrate"], { ...env, LATCHKEY_LOG_LEVEL: "debug" })).err).toMatch(/^\s+at /m);
  });
});

describe("migrate", () => {
  it("makes the database for its owner alone, and does nothing the second time", async () => {
    expect((await latchkey(["migrate"])).out).toMatch(/^Applied 1/);
    expect(statSync(join(directory, "latchkey.db")).mode & 0o077).toBe(0);
    expect((await latchkey(["migrate"])).out).toMatch(/^Nothing to do/);
  });
});

describe("config", () => {
  it("shows every setting with its value, hides secrets, and works with wrong settings", async () => {
    const { code, out } = await latchkey(["config"], {
      ...env,
      LATCHKEY_CODE_TTL: "1y",
      LATCHKEY_SMTP_URL: "smtp://u:hunter2@h",
    });
    expect(code).toBe(0);
    for (const name of Object.keys(env)) expect(out).toContain(name);
    for (const secret of [env.LATCHKEY_PEPPER!, env.LATCHKEY_MASTER_KEY!, "hunter2", "1y"]) expect(out).not.toContain(secret);
    expect(out).toMatch(/LATCHKEY_CODE_HASH\n.*\n.*\n.*\n {2}value {7}fast$/m);
  });

  it("--markdown is a table that does not depend on the environment", async () => {
    const { out } = await latchkey(["config", "--markdown"]);
    expect(out).toBe((await latchkey(["config", "--markdown"], {})).out);
    const rows = out.split("\n").filter((line) => line.startsWith("|"));
    expect(rows.length).toBeGreaterThan(Object.keys(env).length);
    for (const row of rows) expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  });
});

describe("secrets of development", () => {
  const bare = { LATCHKEY_MODE: "development" };
  const noDatabase = async () => null;

  it.each([
    [
      "both are",
      [],
      /^\S+pepper and \S+master-key are missing, and the database app\.db was made with them: restore them \(or set LATCHKEY_PEPPER and LATCHKEY_MASTER_KEY\), or delete the database/,
    ],
    ["one is", ["pepper"], /^\S+master-key is missing, and the database app\.db was made with it: restore it \(or set/],
  ] as [string, string[], RegExp][])(
    "are not made anew where %s lost and a database needs them: both ways out are named and nothing is written",
    async (_, kept, message) => {
      const path = join(directory, ".latchkey");
      await withDevSecrets(bare, path, noDatabase);
      for (const file of readdirSync(path)) if (!kept.includes(file)) rmSync(join(path, file));
      if (kept.length === 0) rmSync(path, { recursive: true });
      await expect(withDevSecrets(bare, path, async () => "app.db")).rejects.toThrow(message);
      expect(existsSync(path) ? readdirSync(path) : []).toEqual(kept);
    },
  );

  it("that another process makes together with the database are taken", async () => {
    const path = join(directory, ".latchkey");
    const meanwhile = async () => {
      await withDevSecrets(bare, path, noDatabase);
      return "app.db";
    };
    expect(await withDevSecrets(bare, path, meanwhile)).toMatchObject({ made: [] });
  });

  it("are made once, for their owner alone, and stay", async () => {
    const path = join(directory, ".latchkey");
    const first = await withDevSecrets(bare, path, noDatabase);
    expect(first.made).toEqual([join(path, "pepper"), join(path, "master-key")]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    for (const file of ["pepper", "master-key"]) expect(statSync(join(path, file)).mode & 0o777).toBe(0o600);
    expect(await withDevSecrets(bare, path, noDatabase)).toEqual({ env: first.env, made: [] });
    expect(settingsOf(first.env).masterKey[0]!.id).toBe("1");
  });

  it("are neither made nor read where the environment has them, or in production", async () => {
    const path = join(directory, ".latchkey");
    expect(await withDevSecrets(env, path, noDatabase)).toEqual({ env, made: [] });
    const production = { LATCHKEY_MODE: "production" };
    expect(await withDevSecrets(production, path, noDatabase)).toEqual({ env: production, made: [] });
    expect(existsSync(path)).toBe(false);
  });

  it("are agreed on by processes that start at once, who leave no drafts", async () => {
    const script = `import { withDevSecrets } from ${JSON.stringify(new URL("../../src/cli/dev-secrets.ts", import.meta.url).href)};
      const directory = ${JSON.stringify(join(directory, ".latchkey"))};
      const { env, made } = await withDevSecrets({ LATCHKEY_MODE: "development" }, directory, async () => null);
      console.log(JSON.stringify({ keys: [env.LATCHKEY_PEPPER, env.LATCHKEY_MASTER_KEY], made: made.length }));`;
    const starts = Array.from({ length: 4 }, () =>
      promisify(execFile)(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", script]),
    );
    const results = (await Promise.all(starts)).map(({ stdout }) => JSON.parse(stdout) as { keys: string[]; made: number });
    expect(new Set(results.map(({ keys }) => keys.join())).size).toBe(1);
    expect(results.reduce((sum, { made }) => sum + made, 0)).toBe(2);
    expect(readdirSync(join(directory, ".latchkey")).sort()).toEqual(["master-key", "pepper"]);
  }, 30_000);

  it.each<[string, (path: string) => void, RegExp]>([
    ["the directory is open to others", (path) => chmodSync(path, 0o755), /chmod 700/],
    ["a file is open to others", (path) => chmodSync(join(path, "pepper"), 0o640), /chmod 600/],
    ["a file holds no key", (path) => writeFileSync(join(path, "master-key"), "changeme\n"), /master-key holds no usable key/],
    ["a file is empty", (path) => writeFileSync(join(path, "pepper"), ""), /pepper holds no usable key/],
  ])("are refused when %s, and left as they are", async (_, spoil, message) => {
    const path = join(directory, ".latchkey");
    await withDevSecrets(bare, path, noDatabase);
    spoil(path);
    const before = readFileSync(join(path, "pepper"), "utf8");
    await expect(withDevSecrets(bare, path, noDatabase)).rejects.toThrow(message);
    expect(readFileSync(join(path, "pepper"), "utf8")).toBe(before);
  });
});

describe("keys", () => {
  it("never make a database by mistake", async () => {
    const { code, err } = await latchkey(["keys", "list"]);
    expect(code).toBe(1);
    expect(err).toContain("There is no database");
    expect(existsSync(join(directory, "latchkey.db"))).toBe(false);
  });

  it("rotate publishes a key that signs after the lead; --compromised drops all others at once", async () => {
    await latchkey(["migrate"]);
    await latchkey(["keys", "rotate"]);
    const lead = await latchkey(["keys", "rotate"]);
    expect(lead.out).toMatch(/^Created signing key \S+: it is published now and signs from /);
    const list = (await latchkey(["keys", "list"])).out;
    expect(list).toMatch(/^master {3}1 +current, 0 live sessions$/m);
    expect(list).toMatch(/^pepper {3}1 +current, 0 live codes$/m);
    expect(list.match(/^signing/gm)).toHaveLength(2);
    expect(list).toContain("published, signs from");
    await latchkey(["keys", "rotate", "--compromised"]);
    expect((await latchkey(["keys", "list"])).out.match(/^signing/gm)).toHaveLength(1);
  });

  it("rotate refuses to seal with a wrong master key, and changes nothing", async () => {
    await latchkey(["migrate"]);
    await latchkey(["keys", "rotate"]);
    const before = (await latchkey(["keys", "list"])).out;
    const wrong = await latchkey(["keys", "rotate"], { ...env, LATCHKEY_MASTER_KEY: key() });
    expect(wrong).toMatchObject({ code: 1, out: "" });
    expect(wrong.err).toContain("LATCHKEY_MASTER_KEY");
    expect((await latchkey(["keys", "list"])).out).toBe(before);
  });

  describe("promote", () => {
    beforeEach(async () => {
      await latchkey(["migrate"]);
      await latchkey(["keys", "rotate"]);
    });

    const currentMaster = async () => /^master +(\S+) +current/m.exec((await latchkey(["keys", "list"])).out)?.[1];

    it("makes a configured key the current one; the order in the settings does not", async () => {
      const both = { ...env, LATCHKEY_MASTER_KEY: `2:${key()},1:${env.LATCHKEY_MASTER_KEY}` };
      await latchkey(["keys", "rotate"], both);
      expect(await currentMaster()).toBe("1");
      const { code, out } = await latchkey(["keys", "promote", "2"], both);
      expect([code, out.trim()]).toEqual([
        0,
        "The master key 2 is the current one now. All processes follow within seconds: see `latchkey fleet`.",
      ]);
      expect(await currentMaster()).toBe("2");
      expect((await latchkey(["keys", "promote", "2"], both)).out).toBe("The master key 2 is the current one already.\n");
    });

    it("refuses a key that is not configured, or is another one than the database knows, and changes nothing", async () => {
      const added = { ...env, LATCHKEY_MASTER_KEY: `1:${env.LATCHKEY_MASTER_KEY},2:${key()}` };
      await latchkey(["keys", "rotate"], added);
      const other = { ...env, LATCHKEY_MASTER_KEY: `1:${env.LATCHKEY_MASTER_KEY},2:${key()}` };
      for (const [argv, from, message] of [
        [
          ["2"],
          env,
          "Key 2 is not configured here: add it to LATCHKEY_MASTER_KEY or LATCHKEY_PEPPER of every process as 2:<base64> first.",
        ],
        [
          ["2", "--use", "pepper"],
          added,
          "The pepper 2 is not configured here: add it to LATCHKEY_PEPPER as 2:<base64> first.",
        ],
        [
          ["2"],
          other,
          "The master key 2 is not the key that the database knows by this id: correct LATCHKEY_MASTER_KEY first; nothing was changed.",
        ],
      ] as const) {
        const { code, err } = await latchkey(["keys", "promote", ...argv], from);
        expect([code, err.trim()]).toEqual([1, message]);
      }
      expect(await currentMaster()).toBe("1");
    });

    it("replaces a current key that is lost, which can then be retired", async () => {
      const lost = { ...env, LATCHKEY_MASTER_KEY: `2:${key()}` };
      expect((await latchkey(["keys", "retire", "1", "--use", "master"], lost)).err).toContain("latchkey keys promote");
      expect(await latchkey(["keys", "promote", "2"], lost)).toMatchObject({ code: 0, err: "" });
      expect(await latchkey(["keys", "retire", "1", "--use", "master", "--revoke-sessions"], lost)).toMatchObject({
        code: 0,
        err: "",
      });
      expect(await latchkey(["keys", "rotate"], lost)).toMatchObject({ code: 0, err: "" });
    });
  });

  describe("retire", () => {
    const next = key();
    /** The master key 1 made the data, 2 was promoted. */
    let rotated: Env;
    let withoutOld: Env;

    beforeEach(async () => {
      await latchkey(["migrate"]);
      await latchkey(["keys", "rotate"]);
      rotated = { ...env, LATCHKEY_MASTER_KEY: `1:${env.LATCHKEY_MASTER_KEY},2:${next}` };
      withoutOld = { ...env, LATCHKEY_MASTER_KEY: `2:${next}` };
      expect(await latchkey(["keys", "promote", "2"], rotated)).toMatchObject({ code: 0, err: "" });
    });

    async function sealedBy(): Promise<string[]> {
      return withKeyStore(settingsOf(rotated), async ({ store, sealer }) =>
        (await store.keys.list()).map(({ sealed }) => sealer.keyIdOf(sealed)),
      );
    }

    it("seals what the key sealed again, and the database needs it no more", async () => {
      expect(await sealedBy()).toEqual(["1"]);
      expect(await latchkey(["keys", "retire", "1"], rotated)).toMatchObject({ code: 0, err: "" });
      expect(await sealedBy()).toEqual(["2"]);
      expect(await latchkey(["keys", "rotate"], withoutOld)).toMatchObject({ code: 0 });
    });

    it("refuses the current key, an unknown one, and the rest of the keys being wrong", async () => {
      for (const [argv, from, message] of [
        [["2"], rotated, "Key 2 is the current one: make another key the current one first, by `latchkey keys promote`"],
        [["9"], rotated, "has no master key or pepper 9"],
        [["1"], { ...rotated, LATCHKEY_PEPPER: key() }, "LATCHKEY_PEPPER"],
        [["1"], { ...rotated, LATCHKEY_MASTER_KEY: `1:${key()},2:${next}` }, "LATCHKEY_MASTER_KEY"],
      ] as const) {
        const { code, err } = await latchkey(["keys", "retire", ...argv], from);
        expect(code).toBe(1);
        expect(err).toContain(message);
      }
      expect(await sealedBy()).toEqual(["1"]);
    });

    it("of a key that is lost needs --revoke-sessions where it still seals something", async () => {
      const refused = await latchkey(["keys", "retire", "1"], withoutOld);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain("--revoke-sessions");
      expect(await sealedBy()).toEqual(["1"]);
      const given = await latchkey(["keys", "retire", "1", "--revoke-sessions"], withoutOld);
      expect(given).toMatchObject({ code: 0, err: "" });
      expect(await sealedBy()).toEqual([]);
    });

    const setHook = ["app", "hook", "set", "default", "--url", "http://127.0.0.1:3000/", "--json"];

    it("seals the secret of a registration hook again", async () => {
      const { secret } = JSON.parse((await latchkey(setHook)).out);
      expect((await latchkey(["keys", "retire", "1"], rotated)).code).toBe(0);
      const found = await withKeyStore(settingsOf(withoutOld), async (keys) => {
        const { registrationHook } = (await keys.store.apps.findApp("default"))!;
        return await createHookSecrets(keys).find(registrationHook!.keyId);
      });
      expect(found).toBe(secret);
    });

    it("of a lost key that seals the secret of a registration hook says that the hook must be set again", async () => {
      await latchkey(setHook);
      const { code, out } = await latchkey(["keys", "retire", "1", "--revoke-sessions"], withoutOld);
      expect(code).toBe(0);
      expect(out).toMatch(
        /Dropped the hook key \S+; set the hook of its app again with `latchkey app hook set` or `latchkey app report-hook set`\./,
      );
    });

    it("asks which is meant when master key and pepper have one id", async () => {
      const both = { ...rotated, LATCHKEY_PEPPER: `1:${env.LATCHKEY_PEPPER},2:${key()}` };
      expect((await latchkey(["keys", "promote", "2"], both)).err).toContain("--use");
      expect(await latchkey(["keys", "promote", "2", "--use", "pepper"], both)).toMatchObject({ code: 0 });
      expect((await latchkey(["keys", "retire", "1"], both)).err).toContain("--use");
      expect(await latchkey(["keys", "retire", "1", "--use", "pepper"], both)).toMatchObject({ code: 0 });
      expect((await latchkey(["keys", "list"], rotated)).out).toMatch(/^master {3}1 +not current, 0/m);
    });
  });
});

describe("doctor", () => {
  it("finds nothing wrong with a fresh deployment, before and after its database is made", async () => {
    const before = await latchkey(["doctor"]);
    expect(before).toMatchObject({ code: 0, err: "" });
    expect(existsSync(join(directory, "latchkey.db"))).toBe(false);
    await latchkey(["migrate"]);
    await latchkey(["keys", "rotate"]);
    const after = await latchkey(["doctor"]);
    expect(after.code).toBe(0);
    expect(after.out).not.toMatch(/^(problem|warning)/m);
    expect(after.out).toContain("P(guess) per identifier and day = 40 / 10^6 = 4.0e-5");
  });

  it.each([
    [
      "fast",
      /^(?:ok|warning) +LATCHKEY_CODE_HASH=fast \(argon2id, 1 MiB, t=1\): .* at most \d+ sign-ins a second .*The pepper protects/m,
    ],
    [
      "owasp",
      /^(?:ok|warning) +LATCHKEY_CODE_HASH=owasp \(argon2id, 19 MiB, t=2\): .* at most \d+ sign-ins a second .*OWASP's minimum/m,
    ],
  ])("states the hash profile %s, what it costs here, and the reason for it", async (profile, line) => {
    const { code, out } = await latchkey(["doctor"], { ...env, LATCHKEY_CODE_HASH: profile });
    expect(code).toBe(0);
    expect(out).toMatch(line);
  });

  it.each<[string, (env: Env) => Env, string]>([
    ["settings", (from) => ({ ...from, LATCHKEY_CODE_TTL: "1y" }), "LATCHKEY_CODE_TTL"],
    ["a wrong pepper", (from) => ({ ...from, LATCHKEY_PEPPER: key() }), "LATCHKEY_PEPPER id 1 is not the key"],
    [
      "a lost master key",
      (from) => ({ ...from, LATCHKEY_MASTER_KEY: `2:${key()}` }),
      "LATCHKEY_MASTER_KEY id 1 is not configured",
    ],
    [
      "a mail server that does not answer",
      (from) => ({ ...from, LATCHKEY_SMTP_URL: "smtp://u:hunter2@127.0.0.1:1" }),
      "the carrier smtp (email) cannot be used: the mail server can't be reached (ECONNREFUSED)",
    ],
  ])("exits with 1 because of %s", async (_, spoil, message) => {
    await latchkey(["migrate"]);
    await latchkey(["keys", "rotate"]);
    const { code, out } = await latchkey(["doctor"], spoil(env));
    expect(code).toBe(1);
    expect(out).toMatch(/^problem/m);
    expect(out).toContain(message);
    expect(out).not.toContain("hunter2");
  });

  it.each([
    [
      "a wrong password",
      { login: { user: "mailer", password: "right" } },
      "the mail server refused the login (535 5.7.8): check user and password in LATCHKEY_SMTP_URL",
    ],
    ["no TLS", {}, "no trusted TLS connection to the mail server"],
  ])("says of a mail server with %s what the log says of a code that can't be sent", async (_, options, reason) => {
    const mail = await startMailServer(options);
    try {
      const starttls = "login" in options ? "never" : "required";
      const url = `smtp://mailer:hunter2@127.0.0.1:${mail.port}?from=a@example.com&starttls=${starttls}`;
      const { code, out } = await latchkey(["doctor"], { ...env, LATCHKEY_SMTP_URL: url });
      expect(code).toBe(1);
      expect(out).toContain(`problem the carrier smtp (email) cannot be used: ${reason}`);
      if (starttls === "required") expect(out).toContain("starttls=never");
      expect(out).not.toContain("hunter2");
    } finally {
      await mail.stop();
    }
  });

  it.each([
    [{}, "ok      the metrics at 127.0.0.1:9464 can only be read on this machine"],
    [
      { LATCHKEY_METRICS_LISTEN: "10.0.0.7:9464" },
      "warning the metrics at 10.0.0.7:9464 can be read by every machine that reaches this address",
    ],
    [
      { LATCHKEY_METRICS_LISTEN: "10.0.0.7:9464", LATCHKEY_METRICS_TOKEN: "a-token-of-the-metrics" },
      "ok      the metrics at 10.0.0.7:9464 can be read with the bearer token",
    ],
  ])("says what metrics with %j expose", async (metrics, finding) => {
    const production = {
      LATCHKEY_MODE: "production",
      LATCHKEY_ISSUER: "https://auth.example.com",
      LATCHKEY_TLS: "terminated",
      LATCHKEY_DEFAULT_CLIENT: "on",
      LATCHKEY_SMTP_URL: "smtp://127.0.0.1:1?from=a@example.com&starttls=never",
    };
    const { out } = await latchkey(["doctor"], { ...env, ...production, ...metrics });
    expect(out).toContain(finding);
    expect(out).not.toContain("a-token-of-the-metrics");
  });

  it("warns of keys that only other processes have", async () => {
    await latchkey(["migrate"]);
    await latchkey(["keys", "rotate"]);
    const [master, pepper] = [`1:${env.LATCHKEY_MASTER_KEY},2:${key()}`, `1:${env.LATCHKEY_PEPPER},2:${key()}`];
    await latchkey(["keys", "rotate"], { ...env, LATCHKEY_MASTER_KEY: master, LATCHKEY_PEPPER: pepper });
    const { code, out } = await latchkey(["doctor"]);
    expect(code).toBe(0);
    for (const variable of ["LATCHKEY_MASTER_KEY", "LATCHKEY_PEPPER"]) {
      expect(out).toMatch(new RegExp(`^warning ${variable} id 2 is known to the database and not configured here`, "m"));
    }
    expect((await latchkey(["keys", "list"])).out).toMatch(
      /^master {3}2 +not current, MISSING: not configured here, 0 live sessions$/m,
    );
  });

  it("does not mend what it looks at", async () => {
    writeFileSync(join(directory, "latchkey.db"), "");
    expect((await latchkey(["doctor"])).out).toMatch(/^warning the schema is at version 0/m);
    expect(statSync(join(directory, "latchkey.db")).size).toBe(0);
  });

  it.each([
    ["20.20.2", "warning"],
    ["22.23.1", "warning"],
    ["22.23.2", "ok"],
    ["23.11.0", "warning"],
    ["24.18.0", "warning"],
    ["24.18.1", "ok"],
    ["26.0.0", "ok"],
  ] as const)("Node.js %s in production: %s", (version, kind) => {
    expect(checkNode(version, "production")[0]!.kind).toBe(kind);
    expect(checkNode(version, "development")[0]!.kind).toBe("ok");
  });

  it("P(guess) follows the tightest budget and the length of codes", () => {
    const { policy } = settingsOf({ ...env, LATCHKEY_CODE_LENGTH: "8" });
    expect(guessing(policy).text).toContain("40 / 10^8 = 4.0e-7");
    const hourly = { ...policy, guessesPerIdentifier: [{ max: 1, windowMs: 3_600_000 }, ...policy.guessesPerIdentifier] };
    expect(guessing({ ...hourly, guessesPerIdentifier: hourly.guessesPerIdentifier.slice(0, 1) }).text).toContain("24 / 10^8");
  });
});

describe("the latchkey executable", () => {
  const bin = fileURLToPath(new URL("../../src/latchkey.cts", import.meta.url));
  const start = (argv: string[], from: Env) =>
    promisify(execFile)(process.execPath, ["--import", "tsx", bin, ...argv], {
      env: { PATH: process.env.PATH, ...from } as NodeJS.ProcessEnv,
    });

  it("exits with the command's code", async () => {
    expect((await start(["--version"], {})).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    await expect(start(["serve"], {})).rejects.toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(/^LATCHKEY_MODE is not set/),
    });
  }, 30_000);

  it("keeps the AWS SDK from warning about the version of Node.js", async () => {
    const load = `import { createRequire } from "node:module";
      process.on("exit", () => {
        process.emitWarning = (text) => console.log(text);
        const { SNSClient } = createRequire(${JSON.stringify(import.meta.url)})("@aws-sdk/client-sns");
        console.log(typeof new SNSClient({ region: "eu-central-1" }).send);
      });`;
    const preload = `data:text/javascript,${encodeURIComponent(load)}`;
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "--import", preload, bin, "--version"], {
      env: { PATH: process.env.PATH },
    });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\nfunction\n$/);
  }, 30_000);

  it.each<[string, Env, number]>([
    ["by default", {}, 0],
    ["where fewer are set", { UV_THREADPOOL_SIZE: "1" }, 0],
    ["where more are set, so many", { UV_THREADPOOL_SIZE: "512" }, 512],
  ])(
    "has more threads than any profile hashes at once, %s",
    async (_, from, least) => {
      const print = "data:text/javascript,process.on('exit',()=>console.log(process.env.UV_THREADPOOL_SIZE))";
      const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", "--import", print, bin, "--version"], {
        env: { PATH: process.env.PATH, ...from } as NodeJS.ProcessEnv,
      });
      const threads = Number(stdout.trimEnd().split("\n").at(-1));
      for (const profile of ["fast", "owasp"] as const) expect(threads).toBeGreaterThanOrEqual(hashConcurrency(profile) + 4);
      expect(threads).toBeGreaterThanOrEqual(least);
    },
    30_000,
  );
});
