import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { reasonOf, signIn } from "../serve/sign-in.js";
import { freePorts } from "../support/ports.js";
import { developmentEnv, type Env, endServers, type Server, startServer } from "../support/server.js";
import { type MailServer, startMailServer } from "../support/smtp.js";
import { environmentOf, type Machine, newMachine } from "./support/operator.js";
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
  const [install, shown] = blocksUnder("docs/deployment.md", "## As a systemd service", "sh");
  // Node may be elsewhere on this machine.
  const path = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const helper = shown!.replace("PATH=/usr/bin:/bin", `PATH='${path}'`);

  async function installed(): Promise<{ machine: Machine; mail: MailServer }> {
    const mail = await startMailServer({ login: { user: "user", password: "password" } });
    closers.push(() => mail.stop());
    const machine = newMachine();
    closers.push(() => machine.remove());
    const [grpc, http] = await freePorts(2);
    const here = install!
      .replace("@mail.example.com:587?", `@127.0.0.1:${mail.port}?starttls=never&`)
      .replace("127.0.0.1:50051", `127.0.0.1:${grpc}`)
      .replace("127.0.0.1:8080", `127.0.0.1:${http}`);
    expect(here).not.toContain("mail.example.com");
    expectWell(await machine.shell(here));
    return { machine, mail };
  }

  /** As systemd would by the unit that was installed. */
  async function start(machine: Machine): Promise<Server> {
    const unit = readFileSync(join(machine.root, "etc/systemd/system/latchkey.service"), "utf8");
    const [, program] = /^ExecStart=(\S+) serve$/m.exec(unit) ?? [];
    const env = {
      ...environmentOf(unit, machine),
      PATH: path,
      LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
      LATCHKEY_DRAIN_DELAY: "0",
    };
    return await startServer(env, { folder: join(machine.root, "var/lib/latchkey"), program: [machine.moved(program!)] });
  }

  /** Registers somebody, which the mail that is sent says how to finish. */
  async function register({ mails }: MailServer, server: Server, email: string) {
    const known = mails.length;
    const { challenges } = await server.grpc.registerUser({ email });
    const mail = await until("the mail", () => mails[known]);
    return { challengeId: challenges[0]!.challengeId, code: mail.parsed.subject!.split(" ")[0]! };
  }

  const shellOf = (machine: Machine, text: string) => machine.shell(`${helper.replace(/^latchkey doctor$/m, "")}\n${text}`);

  it("is installed by the commands: a program, two secrets and a mail server's password for root alone, and a unit", async () => {
    const { machine } = await installed();
    const { root } = machine;
    expect(machine.noted()).toEqual([
      "npm ci",
      "npm run build",
      "npm prune --omit=dev",
      "useradd --system --user-group --home-dir /var/lib/latchkey --shell /usr/sbin/nologin latchkey".replace(
        "/var",
        `${root}/var`,
      ),
      "systemctl daemon-reload",
      "systemctl enable --now latchkey",
      "journalctl --unit latchkey",
    ]);
    for (const name of ["pepper", "master-key", "smtp-url"]) {
      expect(statSync(join(root, "etc/latchkey", name)).mode & 0o777, name).toBe(0o600);
    }
    expect(statSync(join(root, "etc/latchkey")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(root, "opt/latchkey")).sort()).toEqual(["README.md", "dist", "node_modules", "package.json"]);
  });

  it("serves with what was installed, sends mail, and `latchkey doctor` finds nothing wrong", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    expect(readdirSync(join(machine.root, "var/lib/latchkey"))).toContain("latchkey.db");
    expect(helper).toMatch(/\nlatchkey doctor\n$/);
    const report = expectWell(await machine.shell(helper));
    // What Node.js is there is this machine's.
    expect(report).not.toMatch(/^(problem|warning (?!Node\.js))/m);
  });

  it("goes on through a change of pepper and master key as told under Key rotation", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    const { tokens } = await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    const waiting = await register(mail, server, "grace@example.com");
    await server.stop();
    for (const name of ["pepper", "master-key"]) {
      const file = `/etc/latchkey/${name}`;
      expectWell(
        await machine.shell(`echo "2:$(openssl rand -base64 32),1:$(cat ${file})" > ${file}.new && mv ${file}.new ${file}`),
      );
    }
    const changed = await start(machine);
    const { tokens: renewed } = await changed.grpc.refreshToken({ refreshToken: tokens!.refreshToken });
    await changed.grpc.verifyOtp(waiting);
    expectWell(await shellOf(machine, "latchkey keys rotate && latchkey keys retire 1 --use pepper"));
    const refused = await shellOf(machine, "latchkey keys retire 1 --use master");
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("live sessions")]);
    expectWell(await shellOf(machine, "latchkey keys retire 1 --use master --revoke-sessions"));
    await changed.stop();
    for (const name of ["pepper", "master-key"]) {
      const path = join(machine.root, "etc/latchkey", name);
      writeFileSync(path, readFileSync(path, "utf8").replace(/,1:.*/, ""));
    }
    const after = await start(machine);
    expect(await reasonOf(after.grpc.refreshToken({ refreshToken: renewed!.refreshToken }))).toBe("SESSION_ENDED");
    await after.grpc.verifyOtp(await register(mail, after, "joan@example.com"));
  });

  it("is restored while it is stopped, when systemd shows no secrets, from a backup made while it served", async () => {
    const { machine, mail } = await installed();
    const server = await start(machine);
    const { tokens } = await server.grpc.verifyOtp(await register(mail, server, "ada@example.com"));
    expectWell(await shellOf(machine, "latchkey backup - > saved.db"));
    await server.stop();
    rmSync(join(machine.root, "run/credentials"), { recursive: true });
    const refused = await shellOf(machine, "latchkey restore - < saved.db");
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("--force")]);
    expectWell(await shellOf(machine, "latchkey restore - --force < saved.db"));
    const restored = await start(machine);
    expect(await reasonOf(restored.grpc.refreshToken({ refreshToken: tokens!.refreshToken }))).toBe("SESSION_ENDED");
    await restored.grpc.verifyOtp(await register(mail, restored, "grace@example.com"));
  });

  it("has its commands run where certificates are files that the service alone is shown", async () => {
    const { machine } = await installed();
    const settings = "\nLATCHKEY_TLS=files\nLATCHKEY_TLS_CLIENT_CA=/etc/ssl/ca.pem\n";
    writeFileSync(join(machine.root, "etc/latchkey/latchkey.env"), settings, { flag: "a" });
    expectWell(await shellOf(machine, "latchkey migrate && latchkey keys list"));
  });

  it("has its commands use the database that is named with them, before the one in the file that the unit reads", async () => {
    const { machine } = await installed();
    writeFileSync(join(machine.root, "etc/latchkey/database-url"), "sqlite:by-file.db\n");
    writeFileSync(join(machine.root, "etc/latchkey/latchkey.env"), "\nLATCHKEY_DATABASE_URL=sqlite:by-setting.db\n", {
      flag: "a",
    });
    const databases = () => readdirSync(join(machine.root, "var/lib/latchkey")).filter((name) => name.endsWith(".db"));
    expectWell(await shellOf(machine, "LATCHKEY_DATABASE_URL=sqlite:named.db latchkey migrate"));
    expect(databases()).toEqual(["named.db"]);
    expectWell(await shellOf(machine, "latchkey migrate"));
    expect(databases()).toEqual(["by-file.db", "named.db"]);
  });

  it("is a unit that systemd has nothing against", async (context) => {
    if (spawnSync("systemd-analyze", ["--version"]).status !== 0) context.skip("there is no systemd-analyze here");
    const { machine } = await installed();
    const unit = join(machine.root, "etc/systemd/system/latchkey.service");
    writeFileSync(unit, readFileSync(unit, "utf8").replace(/^ExecStart=.*$/m, machine.moved));
    expect(await run("systemd-analyze", ["verify", unit])).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  });
});

describe("the backup", () => {
  const [sqlite, postgres] = blocksUnder("docs/operations.md", "## Backup and restore", "sh");

  /** A folder where `npx latchkey` is the program under test. */
  function folder(): string {
    const made = mkdtempSync(join(tmpdir(), "latchkey-operations-"));
    closers.push(() => rmSync(made, { recursive: true, force: true }));
    mkdirSync(join(made, "node_modules/.bin"), { recursive: true });
    const program = join(made, "node_modules/.bin/latchkey");
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${latchkeyBin}' "$@"\n`, { mode: 0o755 });
    return made;
  }

  const bash = (cwd: string, text: string, env: Env) => run("bash", ["-euo", "pipefail", "-c", text], { cwd, env });

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
    const [backup, restore, ...others] = sqlite!.split(/^# Later: stop the service.*\n/m);
    expect([restore?.includes("restore"), others]).toEqual([true, []]);
    expectWell(await bash(cwd, backup!, { ...env, ...gpg }));
    expect(readFileSync(join(cwd, "latchkey.db.gpg")).includes("ada@example.com")).toBe(false);
    await signIn(server, "later@example.com");

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
