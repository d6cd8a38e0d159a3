import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { secretsScript } from "../support/compose-secrets.js";
import { freePorts } from "../support/ports.js";
import { type RestartableServer, startRestartableServer } from "../support/postgres-server.js";
import { type Env, endServers, type Server, startServer } from "../support/server.js";
import { latchkeyBin, repository } from "./support/paths.js";
import { cleanEnv, runWell } from "./support/run.js";
import { until } from "./support/until.js";

interface Service {
  readonly image: string;
  readonly environment: Env;
  readonly command: readonly string[];
}
const { services } = parse(readFileSync(join(repository, "deploy/compose.yaml"), "utf8"), { merge: true }) as {
  services: Readonly<Record<"latchkey" | "mail" | "secrets", Service>>;
};

const reason = "there is no mailpit here: `.ci/run` installs it with Go";
const hasMailpit = (): boolean => spawnSync("mailpit", ["version", "--no-release-check"], { env: cleanEnv() }).status === 0;
const skipped = process.env.CI !== "true" && !hasMailpit();
if (skipped) console.warn(`skipped: ${reason}`);

/** What deploy/compose.yaml starts, as processes of this machine: host names, ports and the folder of secrets differ. */
describe.skipIf(skipped)("the services of deploy/compose.yaml, without containers,", () => {
  const secrets = mkdtempSync(join(tmpdir(), "latchkey-compose-"));
  let mail: ChildProcess;
  let mailPort: number;
  let postgres: RestartableServer;
  let latchkey: Server;

  beforeAll(async () => {
    if (!hasMailpit()) throw new Error(reason);
    execFileSync("sh", ["-euc", secretsScript(services.secrets.command[0]!, secrets)]);
    postgres = await startRestartableServer();
    writeFileSync(join(secrets, "database-url"), `${postgres.url}?sslmode=disable`);

    const [smtpPort, pagePort] = (await freePorts(2)) as [number, number];
    mailPort = pagePort;
    const listen = { MP_SMTP_BIND_ADDR: `127.0.0.1:${smtpPort}`, MP_UI_BIND_ADDR: `127.0.0.1:${pagePort}` };
    mail = spawn("mailpit", [], { env: cleanEnv({ ...services.mail.environment, ...listen }), stdio: "ignore" });
    process.once("exit", () => mail.kill("SIGKILL"));
    await until("the mail catcher is ready", async () => {
      if (mail.exitCode !== null) throw new Error(`mailpit ended with ${mail.exitCode}`);
      return (await fetch(`http://127.0.0.1:${pagePort}/readyz`).catch(() => null))?.ok || undefined;
    });

    const moved = Object.entries(services.latchkey.environment).map(([name, value]) => [
      name,
      value.replace("/secrets/", `${secrets}/`).replace("mail:1025", `127.0.0.1:${smtpPort}`),
    ]);
    latchkey = await startServer({
      ...(Object.fromEntries(moved) as Env),
      LATCHKEY_GRPC_LISTEN: "127.0.0.1:0",
      LATCHKEY_HTTP_LISTEN: "127.0.0.1:0",
      LATCHKEY_METRICS_LISTEN: "127.0.0.1:0",
    });
  });

  afterAll(async () => {
    await endServers();
    await postgres?.stop();
    if (mail !== undefined && mail.exitCode === null) {
      mail.kill("SIGTERM");
      await once(mail, "exit");
    }
    rmSync(secrets, { recursive: true });
  });

  const page = readFileSync(join(repository, "docs/containers.md"), "utf8");
  const marked = (mark: string): string => new RegExp(`<!-- ${mark} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(page)![1]!;

  it("have no client until the command of docs/containers.md makes one", async () => {
    const anyCall = () => latchkey.auth.revokeToken({ token: "none" });
    await expect(anyCall()).rejects.toThrow();
    // What `docker compose -f deploy/compose.yaml exec latchkey` comes before runs in the container; here it runs beside the server.
    const shims = `docker() { shift 5; "$@"; }\nlatchkey() { '${process.execPath}' '${latchkeyBin}' "$@"; }\n`;
    const block = shims + marked("run in the container of the compose file");
    await runWell("bash", ["-euo", "pipefail", "-c", block], { cwd: latchkey.folder, env: latchkey.env });
    await until("the server knows the client", () => anyCall().catch(() => undefined));
    const { headers } = await fetch(`${latchkey.httpUrl}/latchkey.v1.AuthService/RevokeToken`, {
      method: "OPTIONS",
      headers: { origin: "http://localhost:5173", "access-control-request-method": "POST" },
    });
    expect(headers.get("access-control-allow-origin")).toBe("http://localhost:5173");
  });

  it("sign a user in by the command of docs/containers.md, which takes the code from the mail catcher", async () => {
    const command = marked("run with the compose file");
    const here = command
      .replaceAll("localhost:8080", new URL(latchkey.httpUrl).host)
      .replaceAll("localhost:8025", `127.0.0.1:${mailPort}`);
    expect(here).not.toBe(command);
    for (let times = 0; times < 2; times += 1) {
      const printed = await runWell("bash", ["-euo", "pipefail", "-c", here], { timeoutMs: 30_000 });
      expect(JSON.parse(printed)).toEqual({
        user: expect.stringMatching(/^\w/),
        tokens: expect.arrayContaining(["accessToken", "refreshToken"]),
      });
    }
  });

  it("use the mail catcher in the version that the compose file names", () => {
    const ci = readFileSync(join(repository, ".ci/run"), "utf8");
    const [, version] = /^axllent\/mailpit:(v.+)$/.exec(services.mail.image)!;
    expect(ci).toContain(`github.com/axllent/mailpit@${version}`);
  });
});
