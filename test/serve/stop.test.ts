import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { connect } from "../../src/store/sqlite/connect.js";
import { bothOutboxes } from "../kill/snapshot.js";
import {
  developmentEnv,
  type Env,
  endServers,
  latchkeyBin,
  newFolder,
  productionEnv,
  type Server,
  startServer,
  until,
} from "../support/server.js";
import { startMailServer } from "../support/smtp.js";
import { watchHealth } from "./probes.js";

afterAll(endServers);

const calls = 24;

/** Sends codes to as many addresses at once, noting in `events` what happens in which order. */
function sendMany(server: Server, events: string[]): Promise<PromiseSettledResult<unknown>[]> {
  return Promise.allSettled(
    Array.from({ length: calls }, async (_, n) => {
      await server.grpc.sendOtp({ identifier: { case: "email", value: `u${n}@example.com` }, createUserIfMissing: true });
      events.push("answered");
    }),
  );
}

it("SIGTERM under load: health says so first, all calls under way are answered, nothing is half-written, exit code 0", async () => {
  const mail = await startMailServer();
  // The slow hash, so that most calls still wait for theirs.
  const server = await startServer({ ...productionEnv(mail.port), LATCHKEY_CODE_HASH: "owasp" });
  const events: string[] = [];
  const health = watchHealth(server, (serving) => events.push(serving ? "serving" : "not serving"));
  await until("health", () => events.includes("serving") || undefined);
  const answers = sendMany(server, events);
  await until("the first answer", () => events.includes("answered") || undefined);
  const signalledAt = performance.now();
  const stopped = server.stop();
  const settled = await answers;
  const exit = await stopped;
  health.close();

  expect(performance.now() - signalledAt).toBeLessThan(10_000);
  expect(exit).toMatchObject({ code: 0, signal: null, stderr: [] });
  expect(settled.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []))).toEqual([]);
  const saidSo = events.indexOf("not serving");
  expect(saidSo).toBeGreaterThan(0);
  expect(events.lastIndexOf("answered")).toBeGreaterThan(saidSo);
  expect(exit.stdout.map((line) => JSON.parse(line).msg).slice(-1)).toEqual(["stopped"]);

  const path = join(server.folder, "latchkey.db");
  expect(existsSync(`${path}-wal`)).toBe(false);
  const db = connect(path, { readonly: true });
  const count = (sql: string) => (db.prepare(sql).get() as { n: number }).n;
  expect(db.pragma("integrity_check", { simple: true })).toBe("ok");
  expect(count("SELECT count(*) AS n FROM challenges")).toBe(calls);
  // What was not handed to the mail server yet is kept for the next start.
  expect(mail.mails.length + count(`SELECT count(*) AS n FROM ${bothOutboxes}`)).toBe(calls);
  db.close();
  await mail.stop();
});

it.each(["SIGTERM", "SIGINT"] as const)("%s ends a server with idle connections at once", async (signal) => {
  const server = await startServer(productionEnv());
  await server.grpc.revokeToken({ token: "idle" });
  await server.auth.revokeToken({ token: "idle" });
  const health = watchHealth(server, () => {});
  const signalledAt = performance.now();
  process.kill(server.pid, signal);
  expect((await server.exited).code).toBe(0);
  expect(performance.now() - signalledAt).toBeLessThan(3_000);
  health.close();
});

/** A process that has ended has no command any more, even before its parent takes notice. */
function hasEnded(pid: number): boolean {
  return !existsSync(`/proc/${pid}/cmdline`) || readFileSync(`/proc/${pid}/cmdline`, "utf8") === "";
}

/** Starts a server in the foreground of a terminal, which `kill` closes. Gives the process of the server itself, too. */
async function startAtTerminal(env: Env): Promise<{ readonly terminal: Server; readonly pid: number }> {
  const folder = newFolder();
  const PATH = [folder, dirname(process.execPath), process.env.PATH].join(delimiter);
  // `script` gives the argument to a shell, which looks for a program of this name.
  const text = `#!/bin/sh\necho $$ > pid\nexec '${join(dirname(latchkeyBin), "latchkey")}' serve\n`;
  writeFileSync(join(folder, "serve"), text, { mode: 0o755 });
  const terminal = await startServer({ ...env, PATH }, { folder, program: ["script", "-qf", "/dev/null", "-c"] });
  return { terminal, pid: Number(readFileSync(join(folder, "pid"), "utf8")) };
}

it.each([
  ["development", developmentEnv],
  ["production", productionEnv],
] as const)("a closed terminal ends the server in order, while SIGHUP at an open one does not: %s", async (_, env) => {
  const { terminal, pid } = await startAtTerminal(env());
  process.kill(pid, "SIGHUP");
  await until("the line", () => terminal.stdout.find((line) => line.includes("SIGHUP ignored")));
  await terminal.grpc.revokeToken({ token: "unknown" });
  await terminal.kill();
  await until("the end", () => hasEnded(pid) || undefined);
  const path = join(terminal.folder, "latchkey.db");
  expect([existsSync(path), existsSync(`${path}-wal`)]).toEqual([true, false]);
});
