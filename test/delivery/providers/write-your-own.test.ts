import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll, describe, expect, test } from "vitest";
import type { Provider } from "../../../src/delivery/provider.js";
import { message } from "../fixtures.js";
import { startCarrier } from "./carrier-server.js";
import { describeProvider } from "./contract.js";

interface Module {
  createPigeonProvider(options: { readonly url: string; readonly key: string }): Provider;
}

const page = readFileSync(new URL("../../../docs/providers/write-your-own.md", import.meta.url), "utf8");
const code = /^```ts\n(.*?)^```$/ms.exec(page)?.[1] ?? "";

// The folder stands for src/delivery: its `provider.ts` leads to the real one.
const root = new URL("../../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "latchkey-page-"));
const file = join(folder, "providers", "pigeon.ts");
mkdirSync(join(folder, "providers"));
writeFileSync(join(folder, "package.json"), '{"type":"module"}');
writeFileSync(join(folder, "provider.ts"), `export type * from "${root}src/delivery/provider.js";\n`);
writeFileSync(file, code);
const compiled = compile();
writeFileSync(join(folder, "pigeon.mjs"), compiled.text);
const { createPigeonProvider } = (await import(pathToFileURL(join(folder, "pigeon.mjs")).href)) as Module;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Compiles the page's code with the settings of the project. */
function compile(): { readonly text: string; readonly problems: readonly string[] } {
  const { config: read } = ts.readConfigFile(join(root, "tsconfig.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(read, ts.sys, root);
  const program = ts.createProgram([file], {
    ...options,
    incremental: false,
    tsBuildInfoFile: undefined,
    declaration: false,
    sourceMap: false,
    rootDir: undefined,
    typeRoots: [join(root, "node_modules/@types")],
  });
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
  let text = "";
  program.emit(program.getSourceFile(file), (_, written) => {
    text = written;
  });
  return { text, problems };
}

const shape = {
  read(asked: { readonly body: string; readonly headers: { readonly authorization?: string | undefined } }) {
    if (asked.headers.authorization !== "Bearer the key") throw new Error("another key");
    return JSON.parse(asked.body) as { readonly to: string; readonly text: string };
  },
  accept: (_: unknown, count: number) => ({ status: 202, body: { id: `p-${count}` } }),
  refuse: { status: 400, body: {} },
  lockOut: { status: 401, body: {} },
};

async function start() {
  const server = await startCarrier(shape);
  return { server, provider: createPigeonProvider({ url: `${server.origin}/`, key: "the key" }) };
}

describeProvider("of the page write-your-own.md", async () => {
  const { server, provider } = await start();
  return { provider, received: () => server.received, stop: server.stop };
});

describe("the page write-your-own.md", () => {
  test("has code of fewer than 60 lines that compiles without a problem", () => {
    expect(code.split("\n").length).toBeLessThan(60);
    expect(code.split("\n").length).toBeGreaterThan(20);
    expect(compiled.problems).toEqual([]);
  });

  test.each([
    ["busy", "temporary"],
    ["refuse", "permanent"],
    ["lock-out", "unavailable"],
    ["reset", "unknown"],
    ["malformed", "unknown"],
  ] as const)("says for a service that does %s: %s", async (how, kind) => {
    const { server, provider } = await start();
    server.behave(how);
    expect((await provider.send(message("sms"))).kind).toBe(kind);
    await server.stop();
  });
});
