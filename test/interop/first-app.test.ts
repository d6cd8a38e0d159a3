import { cpSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeJwt } from "jose";
import { afterEach, expect, it } from "vitest";
import { freePorts } from "../support/ports.js";
import { endServers, startServer } from "../support/server.js";
import { startMailServer } from "../support/smtp.js";
import { newMachine, serviceOf, servicePath } from "./support/operator.js";
import { repository } from "./support/paths.js";
import { blocksUnder } from "./support/readme.js";
import { until } from "./support/until.js";

const page = "docs/getting-started.md";
const commandsMax = 7;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  await endServers();
  for (const close of closers.splice(0).reverse()) await close();
});

it("a new operator makes an app, its policy and a client, and signs in as that app over gRPC, by the commands of the docs alone", async () => {
  const blocks = blocksUnder(page, "## Your first app in production", "sh");
  expect(blocks.length).toBeLessThanOrEqual(commandsMax);
  const mail = await startMailServer({ login: { user: "user", password: "password" } });
  closers.push(() => mail.stop());
  const machine = newMachine();
  closers.push(() => machine.remove());
  cpSync(join(repository, "proto"), join(machine.clone, "proto"), { recursive: true });
  const smtpUrl = `smtp://user:password@127.0.0.1:${mail.port}?starttls=never&from=codes@example.com`;
  writeFileSync(join(machine.clone, "smtp-url"), `${smtpUrl}\n`);
  const installed = await machine.install("--issuer", "https://auth.example.com", "--smtp-url-file", "smtp-url");
  expect(installed.exitCode, installed.stderr).toBe(0);
  const [grpc, http] = (await freePorts(2)) as [number, number];
  const own = [`LATCHKEY_GRPC_LISTEN=127.0.0.1:${grpc}`, `LATCHKEY_HTTP_LISTEN=127.0.0.1:${http}`, `PATH=${servicePath}`];
  writeFileSync(machine.at("etc/latchkey/latchkey.env"), `\n${own.join("\n")}\n`, { flag: "a" });
  const { env, program } = serviceOf(machine);
  const folder = machine.at("var/lib/latchkey");
  await startServer(
    { ...env, LATCHKEY_METRICS_LISTEN: "127.0.0.1:0", LATCHKEY_DRAIN_DELAY: "0" },
    { folder, program: [program] },
  );

  // One terminal: what a command exports, later commands have.
  const remembered: Record<string, string> = {};
  let printed = "";
  for (const block of blocks) {
    const challengeId = /"challengeId": "([^"]+)"/.exec(printed)?.[1];
    const code = block.includes("…") ? await codeInMail() : "";
    const filled = block
      .replace("…", challengeId ?? "")
      .replace("…", code)
      .replaceAll("localhost:50051", `localhost:${grpc}`);
    const exported = machine.at("exported");
    const done = await machine.shell(`${filled}\nprintf %s "\${TOKEN-}" > '${exported}'`, remembered);
    expect(done.exitCode, block + done.stderr).toBe(0);
    printed = done.stdout;
    remembered.TOKEN = readFileSync(exported, "utf8");
  }
  const { tokens, isNewUser } = JSON.parse(printed) as { tokens: { accessToken: string }; isNewUser: boolean };
  expect(isNewUser).toBe(true);
  expect(decodeJwt(tokens.accessToken)).toMatchObject({ aud: "https://auth.example.com/apps/shop", client_id: "shop-backend" });

  async function codeInMail(): Promise<string> {
    const { parsed } = await until("the mail", () => mail.mails[0]);
    expect(parsed.subject).toMatch(/^\d{8} .*Ada’s Shop/);
    return parsed.subject!.split(" ")[0]!;
  }
  const secretFile = join(machine.clone, "shop-backend.json");
  expect(statSync(secretFile).mode & 0o777).toBe(0o600);
  const { client_secret: secret } = JSON.parse(readFileSync(secretFile, "utf8")) as { client_secret: string };
  expect(machine.processes()).not.toContain(secret);
});
