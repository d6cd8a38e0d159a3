import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { type DescFile, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { file_latchkey_v1_auth_service as ofClient } from "../../src/gen/client/latchkey/v1/auth_service_pb.js";
import { file_latchkey_v1_auth_service as ofServer } from "../../src/gen/latchkey/v1/auth_service_pb.js";
import { linkClient, repository } from "../support/client-package.js";

const src = join(repository, "src");
const bundleBytesMax = 41_000;

let app: string;
let installed: string;

beforeAll(async () => {
  app = mkdtempSync(join(tmpdir(), "latchkey-app-"));
  installed = await linkClient(app);
});
afterAll(() => rmSync(app, { recursive: true, force: true }));

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

async function bundle(contents: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: app, loader: "ts" },
    absWorkingDir: app,
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

describe("the package latchkey-client", () => {
  it("depends on Connect, protobuf, jose and idb-keyval alone, from the versions that are tested here", () => {
    const root = readJson(join(repository, "package.json"));
    const manifest = readJson(join(installed, "package.json"));
    expect(manifest.version).toBe(root.version);
    expect(Object.keys(manifest.dependencies)).toEqual([
      "@bufbuild/protobuf",
      "@connectrpc/connect",
      "@connectrpc/connect-web",
      "idb-keyval",
      "jose",
    ]);
    expect(Object.keys(manifest.peerDependencies)).toEqual(["@grpc/grpc-js"]);
    expect(manifest.peerDependenciesMeta).toEqual({ "@grpc/grpc-js": { optional: true } });
    const pinned = { ...root.devDependencies, ...root.dependencies };
    for (const [name, range] of Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })) {
      expect(range, name).toBe(`^${pinned[name]}`);
    }
    expect(manifest).not.toHaveProperty("scripts");
  });

  it("holds the built client and stubs, README and licence, and nothing besides", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" });
    const rest = files.filter((file) => !/^(client|gen|gen\/client)(\/.*)?$/.test(file));
    expect(rest.toSorted()).toEqual(["LICENSE", "README.md", "package.json"]);
    expect(files.filter((file) => /^(client|gen)\/.*\.\w+$/.test(file) && !/\.(js|d\.ts)$/.test(file))).toEqual([]);
    for (const entry of Object.values(readJson(join(installed, "package.json")).exports)) {
      const paths = typeof entry === "string" ? [entry] : Object.values(entry as Record<string, string>);
      for (const path of paths) expect(existsSync(join(installed, path)), path).toBe(true);
    }
  });

  it("makes a browser bundle of at most 41 kB gzip, without validation rules or anything of Node", async () => {
    const { bytes, inputs } = await bundle(`
      import { createLatchkeyClient } from "latchkey-client";
      globalThis.client = createLatchkeyClient({ baseUrl: "https://auth.test" });`);
    expect(inputs.filter((path) => /grpc-js|node:|connect-node|protovalidate/.test(path))).toEqual([]);
    expect(new TextDecoder().decode(bytes)).not.toContain("buf/validate");
    const { length } = gzipSync(bytes);
    console.info(`browser bundle: ${bytes.length} bytes, ${length} gzip`);
    expect(length).toBeLessThanOrEqual(bundleBytesMax);
  });

  it("brings nothing that knows client secrets to a browser: it has an entry of its own", async () => {
    const { inputs } = await bundle('export * from "latchkey-client";');
    expect(inputs.filter((path) => /\/client\/(client-token|service)/.test(path))).toEqual([]);
    const ofService = await bundle('export { createServiceClient } from "latchkey-client/service";');
    expect(ofService.inputs.filter((path) => /grpc-js|node:|protovalidate/.test(path))).toEqual([]);
  });

  it("brings the verifier only to those who use it", async () => {
    const { bytes } = await bundle('export { createLatchkeyClient } from "latchkey-client";');
    expect(new TextDecoder().decode(bytes)).not.toContain("openid-configuration");
  });
});

describe("what the client keeps", () => {
  it("is never in localStorage, sessionStorage or cookies", () => {
    const folder = join(src, "client");
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts"))) {
      const code = readFileSync(join(folder, file), "utf8").replaceAll(/\/\*\*[\s\S]*?\*\//g, "");
      expect(code, file).not.toMatch(/localStorage|sessionStorage|document\.cookie/);
    }
  });
});

describe("latchkey-client/gen", () => {
  const generated = readdirSync(join(src, "gen/client/latchkey/v1"));

  it("gives every generated file of latchkey.v1", () => {
    expect(generated).toEqual(readdirSync(join(src, "gen/latchkey/v1")));
    const index = readFileSync(join(src, "client/gen.ts"), "utf8");
    for (const file of generated) expect(index).toContain(`/${file.replace(/\.ts$/, ".js")}"`);
  });

  it("describes the same messages and methods as the server's stubs, without validation rules", () => {
    const rules = "buf/validate/validate";
    expect(ofServer.dependencies.map(({ name }) => name)).toContain(rules);
    expect(ofClient.dependencies.map(({ name }) => name)).not.toContain(rules);
    expect(shapeOf(ofClient)).toEqual(shapeOf(ofServer));
  });
});

/** The file's descriptor without options and imports. */
function shapeOf(file: DescFile): unknown {
  const json = JSON.stringify(toJson(FileDescriptorProtoSchema, file.proto));
  return JSON.parse(json, (key, value) => (key === "options" || key === "dependency" ? undefined : value));
}
