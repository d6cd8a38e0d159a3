import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const postgresServer = fileURLToPath(new URL("../support/postgres-server.ts", import.meta.url));

it.each([0, 7])(
  "a process that had a PostgreSQL server for its tests ends with the exit code that it set: %i",
  async (code) => {
    const program = `
    const { startServer } = await import(${JSON.stringify(postgresServer)});
    await (await startServer()).stop();
    process.exitCode = ${code};`;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], { stdio: "inherit" });
    expect((await once(child, "exit"))[0]).toBe(code);
  },
);
