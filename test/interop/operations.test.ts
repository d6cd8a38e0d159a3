import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { reasonOf, signIn } from "../serve/sign-in.js";
import { freePorts } from "../support/ports.js";
import { developmentEnv, type Env, endServers, type Server, startServer } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";
import { type Machine, newMachine, serviceOf, servicePath } from "./support/operator.js";
import { latchkeyBin } from "./support/paths.js";
import { postgresOfMachine } from "./support/postgres-of-machine.js";
import { blocksUnder } from "./support/readme.js";
import { type Finished, run, runWell } from "./support/run.js";
import { until } from "./support/until.js";

const closers: (() => unknown)[] = [];

afterEach(async () => {
  await endServers();
  for (const close of closers.splice(0).reverse()) await close();
});

function expectWell({ exitCode, stdout, stderr }: Finished): string {
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.any(String) });
  return stdout;
}

describe("the systemd service", () => {
  const [install] = blocksUnder("docs/deployment.md", "## The systemd service", "sh");
  const [, createdb, installOnPostgres, makeClient, trial] = blocksUnder(
    "docs/deployment.md",
    "## From zero to production",
    "sh",
  );
  const optionsOf = (block: string) => /^deploy\/install\.sh (.+)$/m.exec(block)![1]!.split(" ");
  const secrets = ["pepper", "master-key", "smtp-url"];

  interface Installed {
    readonly machine: Machine;
    readonly mail: MailServer;
    readonly printed: string;
  }

  /** Installs as a page says, with the mail server and ports of this test. */
  async function installed({
    block = install!,
    databaseUrl,
  }: {
    block?: string;
    databaseUrl?: string;
  } = {}): Promise<Installed> {
    const mail = await startMailServer({ login: { user: "user", password: "password" } });
    closers.push(() => mail.stop());
    const machine = newMachine();
    closers.push(() => machine.remove());
    const smtpUrl = `smtp://user:password@127.0.0.1:${mail.port}?starttls=never&from=codes@example.com`;
    writeFileSync(join(machine.clone, "smtp-url"), `${smtpUrl}\n`);
    if (databaseUrl !== undefined) writeFileSync(join(machine.clone, "database-url"), `${databaseUrl}\n`);
    const done = await machine.install(...optionsOf(block));
    expectWell(done);
    const [grpc, http] = await freePorts(2);
    configure(machine, [
      `LATCHKEY_GRPC_LISTEN=127.0.0.1:${grpc}`,
      `LATCHKEY_HTTP_LISTEN=127.0.0.1:${http}`,
      `PATH=${servicePath}`,
    ]);
    return { machine, mail, printed: done.stdout + done.stderr };
  }

  /** Adds lines to the settings of the service; the last line of a setting counts. */
  const configure = (machine: Machine, lines: readonly string[]) =>
    writeFileSync(machine.at("etc/latchkey/latchkey.env"), `\n${lines.join("\n")}\n`, { flag: "a" });

  const started = new WeakSet<Machine>();

  /** As systemd would by the unit that was installed. After the first start a client is made as the page says. */
  async function start(machine: Machine): Promise<Server> {
    const { env, program } = serviceOf(machine);
    const here = { ...env, LATCHKEY_METRICS_LISTEN: "127.0.0.1:0", LATCHKEY_DRAIN_DELAY: "0" };
    const server = await startServer(here, { folder: machine.at("var/lib/latchkey"), program: [program] });
    if (started.has(machine)) return server;
    started.add(machine);
    const anyCall = () => reasonOf(server.grpc.revokeToken({ token: "none" }));
    expect(await anyCall()).toBe("CLIENT_UNKNOWN");
    expectWell(await machine.shell(makeClient!));
    await until("the server knows the client", async () => (await anyCall()) === null || undefined);
    return server;
  }

  /** Begins a registration. Returns what finishes it, from the mail that was sent. */
  async function register({ mails }: MailServer, server: Server, email: string) {
    const known = mails.length;
    const { challenges } = await server.grpc.registerUser({ email });
    const mail = await until("the mail", () => mails[known]);
    return { challengeId: challenges[0]!.challengeId, code: mail.parsed.subject!.split(" ")[0]! };
  }

  it("is installed by one command: a program, a unit, and secrets and settings that only root can read", async () => {
    const { machine, printed } = await installed();
    const { at } = machine;
    expect(printed.trim().split("\n")).toEqual([
      "npm ci",
      "npm run build",
      "npm prune --omit=dev",
      ...[
        "useradd --system --user-group --home-dir /var/lib/latchkey --shell /usr/sbin/nologin latchkey",
        `chown latchkey:latchkey ${at("var/lib/latchkey")}`,
        "systemctl daemon-reload",
        "systemctl enable latchkey",
        "systemctl restart latchkey",
      ].map((command) => `left out because of --root: ${command}`),
    ]);
    expect(readdirSync(at("etc/latchkey")).sort()).toEqual(["latchkey.env", ...secrets].toSorted());
    for (const name of ["latchkey.env", ...secrets])
      expect(statSync(at(`etc/latchkey/${name}`)).mode & 0o777, name).toBe(0o600);
    for (const folder of ["etc/latchkey", "var/lib/latchkey"]) expect(statSync(at(folder)).mode & 0o777, folder).toBe(0o700);
    expect(readdirSync(at("opt")).sort()).toEqual(["latchkey"]);
    expect(readdirSync(at("opt/latchkey")).sort()).toEqual(["README.md", "dist", "node_modules", "package.json"]);
  });

  it("serves with what was installed, sends mail, and `latchkey doctor` finds nothing wrong", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    expect(readdirSync(machine.at("var/lib/latchkey"))).toContain("latchkey.db");
    // The version of Node.js is this machine's.
    expect(expectWell(await machine.shell("latchkey doctor"))).not.toMatch(/^(problem|warning (?!Node\.js))/m);
  });

  it("reaches production mode on PostgreSQL by the first chapter of docs/deployment.md", async (context) => {
    const database = await postgresOfMachine();
    if (typeof database === "string") {
      if (process.env.CI === "true") throw new Error(database);
      return context.skip(database);
    }
    closers.push(() => database.stop());
    await runWell("bash", ["-euc", createdb!], { env: database.env });
    const { machine, mail } = await installed({
      block: installOnPostgres!,
      databaseUrl: `${database.url}/latchkey?sslmode=disable`,
    });
    const server = await start(machine);
    const [ready, send, redeem] = trial!.replaceAll("https://auth.example.com", server.httpUrl).split(/^(?=curl )/m);
    expect(expectWell(await machine.shell(ready!)).trim()).toBe("ok");
    const { challenges } = JSON.parse(expectWell(await machine.shell(send!))) as { challenges: { challengeId: string }[] };
    const { parsed } = await until("the mail", () => mail.mails[0]);
    const filled = redeem!.replace("…", challenges[0]!.challengeId).replace("…", parsed.subject!.split(" ")[0]!);
    expect(JSON.parse(expectWell(await machine.shell(filled)))).toMatchObject({ tokens: {} });
    const report = expectWell(await machine.shell("latchkey doctor"));
    expect(report).toMatch(/PostgreSQL \d+.* answers/);
    expect(report).not.toMatch(/^problem/m);
    expect(readdirSync(machine.at("var/lib/latchkey"))).toEqual([]);
  });

  it("keeps secrets and settings in an upgrade, and no file of the old program", async () => {
    const { machine } = await installed();
    configure(machine, ["LATCHKEY_APP_NAME=Ada's Shop"]);
    const kept = ["latchkey.env", ...secrets].map((name) => machine.at(`etc/latchkey/${name}`));
    const before = kept.map((path) => readFileSync(path, "utf8"));
    writeFileSync(machine.at("opt/latchkey/dist/old.js"), "");
    expectWell(await machine.install());
    expect(kept.map((path) => readFileSync(path, "utf8"))).toEqual(before);
    expect(readdirSync(machine.at("opt/latchkey/dist"))).not.toContain("old.js");
  });

  it("moves on to PostgreSQL without a build when it is given a URL", async () => {
    const { machine } = await installed();
    writeFileSync(machine.at("database-url"), "postgres://latchkey:password@db.example.com/latchkey\n");
    const done = await machine.shell("cd .. && clone/deploy/install.sh --root . --no-build --database-url-file database-url");
    expect(expectWell(done)).not.toContain("npm");
    expect(serviceOf(machine).env.LATCHKEY_DATABASE_URL_FILE).toMatch(/\/database-url$/);
  });

  it("is refused with everything that is missing, and then nothing is changed", async () => {
    const machine = newMachine();
    closers.push(() => machine.remove());
    const before = readdirSync(machine.root);
    const { exitCode, stdout, stderr } = await machine.install();
    expect([exitCode, stdout, stderr.trim().split("\n")]).toEqual([
      1,
      "",
      [
        "Nothing was installed:",
        "- The issuer is missing. Add --issuer https://auth.example.com, with the public URL of the service.",
        "- A carrier is missing. Write the URL of your mail server into a file and add --smtp-url-file FILE; --help lists other carriers.",
      ],
    ]);
    expect(readdirSync(machine.root)).toEqual(before);
  });

  it("is refused with an old Node.js, and without a secret that the database was made with", async () => {
    const { machine } = await installed();
    const node = machine.at("stubs/node");
    writeFileSync(node, '#!/bin/sh\n[ "$1" != -e ] || exit 1\necho v18.20.0\n', { mode: 0o755 });
    configure(machine, [`PATH=${machine.at("stubs")}`]);
    writeFileSync(machine.at("var/lib/latchkey/latchkey.db"), "");
    rmSync(machine.at("etc/latchkey/pepper"));
    const { exitCode, stderr } = await machine.install();
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${node} is Node.js v18.20.0, which is too old: the service needs 20.19. Install Node.js 24.`);
    expect(stderr).toContain(`${machine.at("etc/latchkey/pepper")} is missing`);
    expect(existsSync(machine.at("etc/latchkey/pepper"))).toBe(false);
  });

  it("shows no secret in arguments or in what the installation prints, not even one that was given as an argument", async () => {
    const { machine, printed } = await installed();
    expectWell(await machine.shell("latchkey migrate"));
    const misled = await machine.install("--smtp-url-file", "smtp://user:hunter2@mail.example.com");
    const misplaced = await machine.install("postgres://latchkey:hunter2@db.example.com/latchkey");
    expect([misled.exitCode, misplaced.exitCode]).toEqual([1, 64]);
    const shown = [printed, machine.processes(), misled.stderr, misplaced.stderr].join("\n");
    for (const name of secrets) expect(shown).not.toContain(readFileSync(machine.at(`etc/latchkey/${name}`), "utf8").trim());
    expect(shown).not.toContain("hunter2");
  });

  it("gives its commands the settings as systemd reads them: what is special to a shell stands for itself", async () => {
    const { machine } = await installed();
    configure(machine, ["; a comment", "LATCHKEY_APP_NAME=Ada's $hop `x`", 'LATCHKEY_CODE_TTL="90s"']);
    const shown = expectWell(await machine.shell("latchkey config"));
    expect(shown).toContain("Ada's $hop `x`");
    expect(shown).toMatch(/^LATCHKEY_CODE_TTL\n( .*\n){3} +value +90s$/m);
    configure(machine, ["no setting"]);
    const refused = await machine.shell("latchkey config");
    expect([refused.exitCode, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/line \d+ of .*latchkey\.env must be NAME=value/),
    ]);
  });

  it("goes on through a change of pepper and master key as docs/operations.md says under Key rotation", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    const { tokens } = await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    const waiting = await register(mail, server, "grace@example.com");
    await server.stop();
    const keys = ["pepper", "master-key"].map((name) => machine.at(`etc/latchkey/${name}`));
    for (const file of keys) {
      expectWell(
        await machine.shell(`echo "1:$(cat ${file}),2:$(openssl rand -base64 32)" > ${file}.new && mv ${file}.new ${file}`),
      );
    }
    const changed = await start(machine);
    const { tokens: renewed } = await changed.grpc.refreshToken({ refreshToken: tokens!.refreshToken });
    await changed.grpc.verifyOtp(waiting);
    expectWell(
      await machine.shell(
        "latchkey keys rotate && latchkey keys promote 2 --use pepper && latchkey keys promote 2 --use master",
      ),
    );
    const early = await machine.shell("latchkey keys retire 1 --use pepper");
    expect([early.exitCode, early.stderr]).toEqual([1, expect.stringContaining("still makes new data with the pepper 1")]);
    await until(
      "a retired pepper",
      async () => (await machine.shell("latchkey keys retire 1 --use pepper")).exitCode === 0 || undefined,
      30_000,
    );
    const refused = await machine.shell("latchkey keys retire 1 --use master");
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("live sessions")]);
    expectWell(await machine.shell("latchkey keys retire 1 --use master --revoke-sessions"));
    await changed.stop();
    for (const file of keys) writeFileSync(file, readFileSync(file, "utf8").replace(/^1:[^,]*,/, ""));
    const after = await start(machine);
    expect(await reasonOf(after.grpc.refreshToken({ refreshToken: renewed!.refreshToken }))).toBe("SESSION_ENDED");
    await after.grpc.verifyOtp(await register(mail, after, "joan@example.com"));
  });

  it("is restored while it is stopped, when systemd shows no secrets, from a backup made while it served", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    const { tokens } = await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    expectWell(await machine.shell("latchkey backup - > saved.db"));
    await server.stop();
    rmSync(machine.at("run/credentials"), { recursive: true });
    const refused = await machine.shell("latchkey restore - < saved.db");
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("--force")]);
    expectWell(await machine.shell("latchkey restore - --force < saved.db"));
    const restored = await start(machine);
    expect(await reasonOf(restored.grpc.refreshToken({ refreshToken: tokens!.refreshToken }))).toBe("SESSION_ENDED");
    await restored.grpc.verifyOtp(await register(mail, restored, "grace@example.com"));
  });

  it("has its commands run where certificates are files that only the service can read", async () => {
    const { machine } = await installed();
    configure(machine, ["LATCHKEY_TLS=files", "LATCHKEY_TLS_CLIENT_CA=/etc/ssl/ca.pem"]);
    expectWell(await machine.shell("latchkey migrate && latchkey keys list"));
  });

  it("has its commands use the database that the caller names, before the one in the file that the unit reads", async () => {
    const { machine } = await installed();
    writeFileSync(machine.at("etc/latchkey/database-url"), "sqlite:by-file.db\n");
    configure(machine, ["LATCHKEY_DATABASE_URL=sqlite:by-setting.db"]);
    const databases = () => readdirSync(machine.at("var/lib/latchkey")).filter((name) => name.endsWith(".db"));
    expectWell(await machine.shell("LATCHKEY_DATABASE_URL=sqlite:named.db latchkey migrate"));
    expect(databases()).toEqual(["named.db"]);
    expectWell(await machine.shell("latchkey migrate"));
    expect(databases()).toEqual(["by-file.db", "named.db"]);
  });

  it("is a unit that systemd has nothing against", async (context) => {
    if (spawnSync("systemd-analyze", ["--version"]).status !== 0) context.skip("there is no systemd-analyze here");
    const { machine } = await installed();
    const unit = machine.at("etc/systemd/system/latchkey.service");
    writeFileSync(unit, readFileSync(unit, "utf8").replace(/^ExecStart=/m, `$&${machine.root}`));
    expect(await run("systemd-analyze", ["verify", unit])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });
});

describe("the backup", () => {
  const [backup, check, restore] = blocksUnder("docs/operations.md", "### SQLite", "sh");
  const [postgres] = blocksUnder("docs/operations.md", "### PostgreSQL", "sh");

  /** A folder with the program under test as `bin/latchkey`. */
  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), "latchkey-operations-"));
    closers.push(() => rmSync(made, { recursive: true, force: true }));
    mkdirSync(join(made, "bin"));
    const program = `#!/bin/sh\nexec '${process.execPath}' '${latchkeyBin}' "$@"\n`;
    writeFileSync(join(made, "bin/latchkey"), program, { mode: 0o755 });
    return made;
  }

  const bash = (cwd: string, text: string, env: Env) =>
    run("bash", ["-euo", "pipefail", "-c", text], { cwd, env: { ...env, PATH: `${cwd}/bin:${process.env.PATH ?? ""}` } });

  it("of SQLite goes through gpg while it is served, and comes back with its users and without its sessions", async (context) => {
    if (spawnSync("gpg", ["--version"]).status !== 0) context.skip("there is no gpg here");
    const home = mkdtempSync("/tmp/latchkey-gpg-");
    const gpg: Env = { GNUPGHOME: home };
    closers.push(async () => {
      await run("gpgconf", ["--kill", "all"], { env: gpg });
      rmSync(home, { recursive: true, force: true });
    });
    await runWell("gpg", ["--batch", "--passphrase", "", "--quick-gen-key", "backups@example.com"], { env: gpg });
    const cwd = folder();
    const env: Env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0", LATCHKEY_DATABASE_URL: `sqlite:${cwd}/latchkey.db` };
    const server = await startServer(env, { folder: cwd });
    const { refreshToken } = await signIn(server, "ada@example.com");
    expectWell(await bash(cwd, backup!, { ...env, ...gpg }));
    expect(readFileSync(join(cwd, "latchkey.db.gpg")).includes("ada@example.com")).toBe(false);
    await signIn(server, "later@example.com");

    expect((await bash(cwd, check!, gpg)).stderr).toContain("Good signature");
    const early = await bash(cwd, restore!, { ...env, ...gpg });
    expect(early.exitCode, "a restore beside the service").not.toBe(0);
    await server.stop();
    expectWell(await bash(cwd, restore!, { ...env, ...gpg }));
    const restored = await startServer(env, { folder: cwd });
    expect(await reasonOf(restored.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
    const { user } = await signedIn(restored, "ada@example.com");
    expect(user).toMatchObject({ isNewUser: false });
    expect((await signedIn(restored, "later@example.com")).user).toMatchObject({ isNewUser: true });
  });

  it("of PostgreSQL goes through pg_dump and pg_restore into a new database, which is served", async (context) => {
    const database = await postgresOfMachine();
    if (typeof database === "string") {
      if (process.env.CI === "true") throw new Error(database);
      return context.skip(database);
    }
    closers.push(() => database.stop());
    const pg: Env = database.env;
    const [create] = blocksUnder("docs/deployment.md", "## PostgreSQL", "sh");
    const cwd = folder();
    expectWell(await bash(cwd, create!, pg));
    const url = (name: string) => `${database.url}/${name}?sslmode=disable`;
    const env: Env = { ...developmentEnv(), LATCHKEY_RESEND_COOLDOWN: "0", LATCHKEY_DATABASE_URL: url("latchkey") };
    const server = await startServer(env);
    const { refreshToken } = await signIn(server, "ada@example.com");
    const here = postgres!.replaceAll("host=db.example.com user=latchkey ", "");
    expect(here).not.toContain("example.com");
    const restored: Env = { ...env, LATCHKEY_DATABASE_URL: url("latchkey_restored") };
    expect(expectWell(await bash(cwd, here, { ...restored, ...pg }))).toContain("Ended 1 sessions");
    await server.stop();
    const next = await startServer(restored);
    expect(await reasonOf(next.grpc.refreshToken({ refreshToken }))).toBe("SESSION_ENDED");
    expect((await signedIn(next, "ada@example.com")).user).toMatchObject({ isNewUser: false });
  });

  async function signedIn(server: Server, email: string): Promise<{ user: { isNewUser: boolean } }> {
    const { challenge } = await server.grpc.sendOtp({ identifier: { case: "email", value: email }, createUserIfMissing: true });
    const { challengeId } = challenge!;
    const message = await until("the code", async () =>
      (await server.inbox(email)).find((one) => one.challengeId === challengeId),
    );
    const { isNewUser } = await server.grpc.verifyOtp({ challengeId, code: message.code });
    return { user: { isNewUser } };
  }
});
