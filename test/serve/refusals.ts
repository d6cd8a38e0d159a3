import { expect } from "vitest";
import { type Env, type Exit, runLatchkey } from "../support/server.js";

/** A start that must fail. */
export async function refusedStart(env: Env, folder?: string): Promise<Exit> {
  const exit = await runLatchkey(["serve"], env, folder);
  expect(exit.code).toBe(1);
  const printed = [...exit.stdout, ...exit.stderr].join("\n");
  expect(printed).not.toMatch(/^\s+at /m);
  for (const secret of secretsIn(env)) expect(printed).not.toContain(secret);
  return exit;
}

/** The one line with which a start failed. */
export async function refusal(env: Env, folder?: string): Promise<string> {
  const { stderr, stdout } = await refusedStart(env, folder);
  expect(stdout).toEqual([]);
  expect(stderr).toHaveLength(1);
  return stderr[0]!;
}

function secretsIn(env: Env): string[] {
  const names = ["LATCHKEY_PEPPER", "LATCHKEY_MASTER_KEY", "LATCHKEY_SMTP_URL"];
  // Ids of keys may be shown, short texts are found anywhere.
  return names.flatMap((name) => (env[name] ?? "").split(/[:,/@?]/)).filter((part) => part.length >= 12);
}

/** Settings without some of them. */
export function without(env: Env, ...names: readonly string[]): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}
