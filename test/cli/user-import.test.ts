import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commandSecrets, latchkey } from "../support/command-line.js";
import { testEngines } from "../support/engines.js";

interface Contact {
  readonly kind: string;
  readonly value: string;
  readonly verified_at: string | null;
}

interface Exported {
  readonly user_id: string;
  readonly number: number;
  readonly username: string;
  readonly contacts: readonly Contact[];
}

const line = (user: Readonly<Record<string, unknown>>): string => `${JSON.stringify(user)}\n`;
const lines = (count: number, more: Readonly<Record<string, unknown>> = {}): string =>
  Array.from({ length: count }, (_, index) => line({ email: `u${index + 1}@example.com`, ...more })).join("");

describe.each(testEngines())("user import and export on $engine", ({ database }) => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}`, ...(await database()) };
    await latchkey(env, ["migrate"]);
    await latchkey(env, ["app", "update", "default", "--roles", "admin,editor"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const cli = (...argv: string[]) => latchkey(env, ["user", ...argv]);

  function file(name: string, content: string | Uint8Array): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }
  const importFile = (path: string, ...options: string[]) => cli("import", "--file", path, ...options);

  /** What an export holds, as text. */
  async function exported(app = "default"): Promise<string> {
    const path = join(folder, "export.jsonl");
    expect((await cli("export", "--app", app, "--file", path, "--force")).code).toBe(0);
    return readFileSync(path, "utf8");
  }
  const users = async (): Promise<readonly Exported[]> =>
    (await exported())
      .split("\n")
      .filter((text) => text !== "")
      .map((text) => JSON.parse(text) as Exported);

  const counts = (changes: Readonly<Record<string, unknown>>) => ({
    dry_run: false,
    created: 0,
    joined: 0,
    there_already: 0,
    failed: 0,
    next_line: null,
    ...changes,
  });

  const csv = [
    "Email,email_verified,phone,phone_verified_at,username,display_name,roles,app_attributes,external_id,state",
    'ada@example.com,true,+46 70 174 06 05,2026-05-01T12:00:00Z,ada,"Lovelace, Ada","admin,editor","{""plan"":""gold""}",c-1,active',
    "bob@example.com,false,,,bob,,,,c-2,locked",
    "carol@example.com,,,,,,,,,invited",
    "",
  ].join("\r\n");

  it("CSV gives all fields, verified only where it says so, and a repeat changes nothing", async () => {
    const path = file("people.csv", csv);
    const first = await importFile(path, "--verified-by-source", "--json");
    expect(first.code).toBe(0);
    expect(first.json()).toMatchObject(counts({ lines: 3, created: 3 }));
    expect(first.err).toMatch(/imported users act=user\.import by=operator app=default user=\S+ outcome=created/);
    expect(first.err).not.toMatch(/example|4670/);
    const [ada, bob, carol] = await users();
    expect(ada).toMatchObject({
      username: "ada",
      display_name: "Lovelace, Ada",
      roles: ["admin", "editor"],
      app_attributes: { plan: "gold" },
      external_id: "c-1",
      state: "active",
    });
    expect(ada!.contacts).toEqual([
      { kind: "email", value: "ada@example.com", verified_at: expect.any(String) },
      { kind: "phone", value: "+46701740605", verified_at: "2026-05-01T12:00:00.000Z" },
    ]);
    expect(bob).toMatchObject({ state: "locked", contacts: [{ verified_at: null }] });
    expect(carol).toMatchObject({ state: "invited", contacts: [{ verified_at: null }] });
    const before = await exported();
    const again = await importFile(path, "--verified-by-source", "--json");
    expect([again.code, again.err]).toEqual([0, ""]);
    expect(again.json()).toMatchObject(counts({ lines: 3, there_already: 3 }));
    expect(await exported()).toBe(before);
  });

  it("an export is read by import: a fresh database then exports the same", async () => {
    await importFile(file("people.csv", csv), "--verified-by-source");
    await cli(
      "update",
      "ada",
      "--add-contact",
      "first@example.com",
      "--verified",
      "--primary",
      "--custom-attributes",
      '{"a":[1]}',
    );
    await cli("update", "bob", "--add-contact", "+46701740606");
    await cli("create", "--email", "none@example.com", "--credential-type", "none", "--kind", "patient");
    const before = await exported();
    const other = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "other.db")}`, ...(await database()) };
    await latchkey(other, ["migrate"]);
    await latchkey(other, ["app", "update", "default", "--roles", "admin,editor"]);
    const path = file("exported.jsonl", before);
    const back = await latchkey(other, ["user", "import", "--file", path, "--verified-by-source", "--json"]);
    expect(back.json()).toMatchObject(counts({ lines: 4, created: 4 }));
    env = other;
    expect(await exported()).toBe(before);
    await cli("create", "--email", "next@example.com");
    expect((await users()).map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
  });

  it("a source that calls contacts verified is refused until the operator decides, and nothing is imported", async () => {
    const path = file("people.jsonl", lines(3) + line({ email: "ada@example.com", email_verified: true }));
    const refused = await importFile(path);
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(
      /^Line 4 says that a contact is verified\. Add --verified-by-source .* Nothing was imported\.\n$/,
    );
    expect(await users()).toEqual([]);
    expect((await importFile(path, "--no-verified-by-source")).code).toBe(0);
    expect((await users()).every(({ contacts }) => contacts[0]!.verified_at === null)).toBe(true);
  });

  it("a dry run says what an import would do, line by line, and changes nothing", async () => {
    await cli("create", "--email", "there@example.com");
    const text = [
      line({ email: "new@example.com", username: "new" }),
      line({ email: "there@example.com" }),
      line({ email: "NEW@example.com" }),
      line({ email: "bad" }),
    ].join("");
    const path = file("people.jsonl", text);
    const before = await exported();
    const dry = await importFile(path, "--dry-run", "--json");
    const foreseen = {
      lines: 4,
      created: 1,
      there_already: 1,
      failed: 2,
      failed_by_kind: { invalid: 1, duplicate: 1, taken: 0 },
    };
    expect(dry.code).toBe(1);
    expect(dry.json()).toMatchObject(counts({ ...foreseen, dry_run: true }));
    expect(await exported()).toBe(before);
    const real = await importFile(path, "--json");
    expect(real.json()).toEqual({ ...dry.json(), dry_run: false });
  });

  it("each line that fails is named with what is wrong and what to do, and stops no other line", async () => {
    await cli("create", "--email", "there@example.com", "--username", "taken");
    const text = [
      line({ email: "ok1@example.com", phone: "+46701740605", external_id: "x" }),
      "{not json}\n",
      line({ email: "ada@" }),
      line({ mail: "ada@example.com", email: "m@example.com" }),
      line({ email: "ok1@example.com" }),
      line({ email: "b@example.com", phone: "+46701740605" }),
      line({ email: "c@example.com", external_id: "x" }),
      line({ email: "d@example.com", username: "taken" }),
      line({ email: "e@example.com", roles: ["boss"], number: "7" }),
      line({ username: "nobody" }),
      "\n",
      line({ email: "f@example.com", email_verified: true, email_verified_at: "2999-01-01" }),
      line({ email: "ok2@example.com" }),
    ].join("");
    const { code, out, err } = await importFile(file("people.jsonl", text), "--verified-by-source");
    expect(code).toBe(1);
    expect(err.split("\n").filter((text) => text.startsWith("Line"))).toEqual([
      'Line 2 is not a JSON object: write one user a line, such as {"email": "ada@example.com"}.',
      "Line 3 has a wrong value: email must be an e-mail address like name@example.com.",
      'Line 4 has a wrong value: "mail" is not a field of users: did you mean email?',
      "Line 5 has the e-mail address of line 1: remove one of the two lines, or correct the e-mail address.",
      "Line 6 has the phone number of line 1: remove one of the two lines, or correct the phone number.",
      "Line 7 has the external id of line 1: remove one of the two lines, or correct the external id.",
      "Line 8 has the username of another user: `latchkey user find` shows who has it.",
      "Line 9 has a wrong value: number must be a whole number.",
      "Line 10 has a wrong value: email is missing: give an e-mail address, a phone number, or both.",
      "Line 12 has a wrong value: email_verified_at must be a time in the past, such as 2026-05-01T12:00:00Z.",
    ]);
    expect(out).toMatch(/^Failed +10 \(invalid 6, duplicate 3, taken 1\)$/m);
    const addresses = (await users()).map(({ contacts }) => contacts[0]!.value).sort();
    expect(addresses).toEqual(["ok1@example.com", "ok2@example.com", "there@example.com"]);
  });

  it("a hundred lines that fail are shown, and all are counted", async () => {
    const path = file("people.jsonl", lines(1_200, { kind: "two words" }) + line({ email: "ok@example.com" }));
    const { code, out, err } = await importFile(path);
    expect(code).toBe(1);
    expect(err.split("\n").filter((text) => text.startsWith("Line"))).toHaveLength(100);
    expect(out).toMatch(/^Lines read +1201\nCreated +1\n/);
    expect(out).toMatch(/^Failed +1200 \(invalid 1200\)\nOnly the first 100 lines that failed are shown\./m);
  });

  it("--from-line leaves out the lines before it, in both formats", async () => {
    const rows = file("people.csv", `email,display_name\n${'a@example.com,"two\nlines"\n'}b@example.com,\nc@example.com,\n`);
    expect((await importFile(rows, "--from-line", "5", "--json")).json()).toMatchObject(counts({ lines: 1, created: 1 }));
    const json = file("people.jsonl", lines(5));
    expect((await importFile(json, "--from-line", "4", "--json")).json()).toMatchObject(counts({ lines: 2, created: 2 }));
    expect((await users()).map(({ contacts }) => contacts[0]!.value)).toEqual([
      "c@example.com",
      "u4@example.com",
      "u5@example.com",
    ]);
  });

  it("people of another app of the pool join with profile and contacts unchanged", async () => {
    await latchkey(env, ["app", "create", "shop"]);
    await cli("create", "--app", "shop", "--email", "ada@example.com", "--verified", "email", "--name", "Ada");
    const path = file("people.jsonl", line({ email: "ada@example.com", display_name: "Eve", phone: "+46701740605" }));
    expect((await importFile(path, "--json")).json()).toMatchObject(counts({ lines: 1, joined: 1 }));
    expect(await users()).toMatchObject([{ display_name: "Ada", contacts: [{ value: "ada@example.com" }] }]);
  });

  it("an import that is interrupted says where to go on, and the rest gives the same users as one import", async () => {
    const count = 12_000;
    const path = file("people.jsonl", lines(count) + line({ email: "u1@example.com" }));
    const first = await interrupted(path);
    expect(first.code).toBe(1);
    const [, done] = /^Created +(\d+)$/m.exec(first.out)!;
    const [, next] = /^The import was interrupted\. Go on with --from-line (\d+)\.$/m.exec(first.out)!;
    expect(Number(next)).toBe(Number(done) + 1);
    expect(Number(done)).toBeLessThan(count);
    expect((await users()).length).toBe(Number(done));
    const rest = await importFile(path, "--from-line", next!, "--json");
    expect(rest.json()).toMatchObject({ lines: count + 2 - Number(next), created: count - Number(done), there_already: 1 });
    const again = await importFile(path, "--json");
    expect(again.json()).toMatchObject(
      counts({ lines: count + 1, there_already: count, failed: 1, failures: [{ line: count + 1, kind: "duplicate" }] }),
    );
  }, 120_000);

  /** Interrupts an import in a process of its own, when it has imported something. */
  async function interrupted(path: string): Promise<{ readonly code: number; readonly out: string }> {
    const child = start(env, ["import", "--file", path], "pipe");
    let out = "";
    child.stdout!.on("data", (data: Buffer) => {
      out += data.toString();
    });
    child.stderr!.once("data", () => child.kill("SIGINT"));
    const [code] = (await once(child, "close")) as [number];
    return { code, out };
  }
});

const bin = fileURLToPath(new URL("../../src/latchkey.cts", import.meta.url));

function start(env: Readonly<Record<string, string>>, argv: readonly string[], stdout: "pipe" | number): ChildProcess {
  return spawn(process.execPath, ["--import", "tsx", bin, "user", ...argv], {
    env: { PATH: process.env.PATH, LATCHKEY_MODE: "development", ...commandSecrets, ...env },
    stdio: ["ignore", stdout, "pipe"],
  });
}

describe("files that can't be taken", () => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "latchkey-cli-"));
    env = { LATCHKEY_DATABASE_URL: `sqlite:${join(folder, "latchkey.db")}` };
    await latchkey(env, ["migrate"]);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each<[string, string | Uint8Array, string]>([
    ["mail.csv", "mail\nada@example.com\n", '"mail" is not a column of users: did you mean email?'],
    ["twice.csv", "email,EMAIL\na,b\n", "The header has the column email twice: remove one of them."],
    ["none.csv", "username\nada\n", "The header needs a column email or phone: its first line must name the columns."],
    ["list.csv", '[{"email":"ada@example.com"}]', "The first line is JSON, not the names of CSV columns: add --format jsonl."],
    [
      "mac.csv",
      "email\rada@example.com\r",
      "The lines of the file end with carriage returns alone: save it as CSV in UTF-8 with line feeds.",
    ],
    [
      "marks.csv",
      'email,"name" x\nada@example.com,Ada\n',
      "The header is wrong: line 1 has a quotation mark inside a value: quote the value and double the mark.",
    ],
    ["utf16.csv", Buffer.from("\ufeffemail\n", "utf16le"), "The file is in UTF-16: save it as UTF-8."],
    ["sheet.csv", Buffer.from([0x50, 0x4b, 3, 4, 20]), "The file is a spreadsheet or an archive: save it as CSV in UTF-8."],
  ])("%s is refused with what to do", async (name, content, message) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    expect(await latchkey(env, ["user", "import", "--file", path])).toMatchObject({ code: 1, out: "", err: `${message}\n` });
  });

  it("a missing file, a directory and a URL are refused with what to do", async () => {
    for (const [path, message] of [
      [join(folder, "nope.csv"), `${join(folder, "nope.csv")} does not exist: correct the path of --file.`],
      [folder, `${folder} is a directory: name a file with JSON lines or CSV.`],
      ["https://example.com/people.csv", "--file takes the path of a file, not a URL."],
    ] as const) {
      expect(await latchkey(env, ["user", "import", "--file", path])).toMatchObject({ code: 1, out: "", err: `${message}\n` });
    }
  });

  it("a line of any length takes bounded memory and fails alone; bytes that are not UTF-8 fail alone", async () => {
    const path = join(folder, "people.jsonl");
    const long = line({ email: "a@example.com", display_name: "x".repeat(200_000) });
    const broken = Buffer.from([...Buffer.from('{"email":"b@example.com","display_name":"'), 0xff, ...Buffer.from('"}\n')]);
    writeFileSync(path, Buffer.concat([Buffer.from(long), broken, Buffer.from(`\r\n${line({ email: "ok@example.com" })}`)]));
    const { err, json } = await latchkey(env, ["user", "import", "--file", path, "--json"]);
    expect(err).not.toContain("Line");
    expect(json()).toMatchObject({ created: 1, failed: 2 });
    expect(json().failures).toEqual([
      { line: 1, kind: "invalid", problem: "is longer than 64 KiB: check that each line holds one user" },
      { line: 2, kind: "invalid", problem: "is not UTF-8: save the file as UTF-8" },
    ]);
  });

  it("lines of CSV with a wrong quotation mark or count of values fail alone, in order", async () => {
    const path = join(folder, "people.csv");
    const rows = [
      "email;display_name",
      "a@example.com;A",
      'b@example.com;B"b',
      "c@example.com",
      "bad;",
      "d@example.com;",
      '"e;',
    ];
    writeFileSync(path, `\ufeff${rows.join("\n")}`);
    const { json } = await latchkey(env, ["user", "import", "--file", path, "--json"]);
    expect(json()).toMatchObject({ created: 2, failed: 4 });
    expect(json().failures.map(({ line: at }: { line: number }) => at)).toEqual([3, 4, 5, 7]);
  });

  it("one line of CSV with a wrong quotation mark fails alone and once, and the 200 after it are imported", async () => {
    const good = Array.from({ length: 200 }, (_, index) => `k${index + 1}@example.org,"Name, ${index + 1}"`);
    const path = join(folder, "people.csv");
    for (const [bad, name] of [
      ['k0@example.org,"Ada" Lovelace', "Ada"],
      ['k0@example.org,Ada "the" "first" Lovelace', "Ada"],
    ]) {
      writeFileSync(path, ["email,display_name", bad, ...good, ""].join("\n"));
      const { json } = await latchkey(env, ["user", "import", "--file", path, "--json"]);
      expect(json(), name).toMatchObject({ lines: 201, failed: 1, failures: [{ line: 2, kind: "invalid" }] });
      expect(json().created + json().there_already).toBe(200);
    }
  });

  it("values of CSV keep line breaks, separators and quotation marks", async () => {
    const path = join(folder, "people.csv");
    const attributes = '"{\r\n""plan"": ""a,\\""b"",\r\n""tier"": 1}"';
    writeFileSync(path, `email,app_attributes\r\na@example.com,${attributes}\r\nb@example.com,[]\r\n`);
    const { json } = await latchkey(env, ["user", "import", "--file", path, "--json"]);
    expect(json()).toMatchObject({ lines: 2, created: 1, failed: 1, failures: [{ line: 5 }] });
    const found = (await latchkey(env, ["user", "find", "a@example.com", "--json"])).json();
    expect(found.user.app_attributes).toEqual({ plan: 'a,"b', tier: 1 });
  });

  it("JSON lines that are called CSV are refused with one sentence, and --format jsonl imports them", async () => {
    const path = join(folder, "people.csv");
    writeFileSync(path, `\ufeff${lines(3_000)}`);
    for (const format of [[], ["--format", "csv"]]) {
      expect(await latchkey(env, ["user", "import", "--file", path, ...format])).toMatchObject({
        code: 1,
        out: "",
        err: "The first line is JSON, not the names of CSV columns: add --format jsonl.\n",
      });
    }
    const { json } = await latchkey(env, ["user", "import", "--file", path, "--format", "jsonl", "--json"]);
    expect(json()).toMatchObject({ created: 3_000, failed: 0 });
  });

  it("an export to a file called CSV is refused with the name to give, and leaves no file", async () => {
    const path = join(folder, "users.CSV");
    expect(await latchkey(env, ["user", "export", "--file", path])).toMatchObject({
      code: 1,
      out: "",
      err: "An export is JSON lines, not CSV: give the file a name that ends in .jsonl.\n",
    });
    expect(existsSync(path)).toBe(false);
  });

  it("an export is readable by its owner alone, replaces a file only with --force, and leaves nothing of a failure", async () => {
    await latchkey(env, ["user", "create", "--email", "ada@example.com"]);
    const path = join(folder, "users.jsonl");
    expect((await latchkey(env, ["user", "export", "--file", path])).out).toContain("Wrote 1 users");
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, "mine");
    const refused = await latchkey(env, ["user", "export", "--file", path]);
    expect(refused).toMatchObject({ code: 1, err: `${path} exists: name another file, or add --force to replace it.\n` });
    expect(readFileSync(path, "utf8")).toBe("mine");
    const nowhere = await latchkey(env, ["user", "export", "--file", join(folder, "no", "users.jsonl")]);
    expect(nowhere.err).toBe(`There is no folder ${join(folder, "no")}: create it, or name another place.\n`);
  });

  it("an import goes on when the reader of its report ends early", async () => {
    const path = join(folder, "people.jsonl");
    writeFileSync(path, lines(600, { kind: "two words" }) + lines(2_000));
    const child = start(env, ["import", "--file", path], "pipe");
    child.stdout!.destroy();
    child.stderr!.once("data", () => child.stderr!.destroy());
    expect(await once(child, "exit")).toEqual([1, null]);
    const again = await latchkey(env, ["user", "import", "--file", path, "--json"]);
    expect(again.json()).toMatchObject({ created: 0, there_already: 2_000, failed: 600 });
  }, 60_000);

  it("a reader that ends early and a full disk end an export with a sentence and exit code 1", async () => {
    const path = join(folder, "people.jsonl");
    writeFileSync(path, lines(2_000, { display_name: "x".repeat(100) }));
    await latchkey(env, ["user", "import", "--file", path]);
    const early = start(env, ["export"], "pipe");
    early.stdout!.once("data", () => early.stdout!.destroy());
    expect(await endOf(early)).toEqual([
      1,
      "The program that reads the users has ended before it had all: the export is incomplete.\n",
    ]);
    if (!existsSync("/dev/full")) return;
    const full = await endOf(start(env, ["export"], openSync("/dev/full", "w")));
    expect(full).toEqual([
      1,
      expect.stringMatching(/^Standard output did not take all users: discard the incomplete export \(ENOSPC/),
    ]);
    const device = await latchkey(env, ["user", "export", "--file", "/dev/full"]);
    expect(device).toMatchObject({ code: 1, err: expect.stringMatching(/^The disk is full: make room there \(ENOSPC/) });
  }, 60_000);
});

async function endOf(child: ChildProcess): Promise<[code: number, err: string]> {
  let err = "";
  child.stderr!.on("data", (data: Buffer) => {
    err += data.toString();
  });
  const [code] = (await once(child, "close")) as [number];
  return [code, err];
}
