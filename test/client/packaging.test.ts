import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";

const client = new URL("../../src/client/", import.meta.url);
const generated = new URL("../../src/gen/latchkey/v1/", import.meta.url);

async function bundle(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: client.pathname, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    metafile: true,
  });
  return { bytes: outputFiles[0]!.contents, inputs: Object.keys(metafile.inputs) };
}

describe("latchkey/client in a browser", () => {
  it("bundles without anything of Node, and stays small", async () => {
    const { bytes, inputs } = await bundle(`
      import { createLatchkeyClient } from "./index.ts";
      globalThis.client = createLatchkeyClient({ baseUrl: "https://auth.test" });`);
    expect(inputs.filter((path) => /grpc-js|node:|connect-node/.test(path))).toEqual([]);
    const kib = gzipSync(bytes).length / 1024;
    expect(kib).toBeLessThan(60);
  });

  it("brings the verifier only to those who use it", async () => {
    const { bytes } = await bundle('export { createLatchkeyClient } from "./index.ts";');
    expect(new TextDecoder().decode(bytes)).not.toContain("openid-configuration");
  });
});

describe("what the client keeps", () => {
  it("is never in localStorage, sessionStorage or cookies", () => {
    for (const file of readdirSync(client)) {
      const code = readFileSync(new URL(file, client), "utf8").replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
      expect(code, file).not.toMatch(/localStorage|sessionStorage|document\.cookie/);
    }
  });
});

describe("latchkey/gen", () => {
  it("gives every generated file of latchkey.v1", () => {
    const index = readFileSync(new URL("gen.ts", client), "utf8");
    for (const file of readdirSync(generated)) expect(index).toContain(`/${file.replace(/\.ts$/, ".js")}"`);
  });
});
