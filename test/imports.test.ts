import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";
import { describe, expect, it } from "vitest";

const src = new URL("../src/", import.meta.url).pathname;

/** Which folders each folder may import from, beside itself. `gen` is generated code. */
const allowed: Record<string, readonly string[]> = {
  model: [],
  lib: [],
  gen: [],
  outbound: ["lib"],
  client: ["gen"],
  openapi: ["gen"],
  crypto: ["model", "lib", "store"],
  store: ["model", "lib"],
  delivery: ["model", "lib", "store", "outbound"],
  apps: ["model", "lib", "store", "crypto", "outbound", "auth", "delivery"],
  accounts: ["model", "lib", "store", "crypto", "outbound", "apps", "auth"],
  messages: ["model", "lib", "store", "crypto", "apps", "accounts", "auth"],
  auth: ["model", "lib", "store", "crypto"],
  telemetry: ["model", "lib", "store", "crypto", "outbound", "delivery"],
  rpc: ["model", "lib", "store", "crypto", "apps", "accounts", "messages", "auth", "gen", "telemetry"],
  doors: ["model", "lib", "apps", "delivery", "rpc", "gen", "telemetry"],
  config: ["model", "lib"],
  server: [
    "model",
    "lib",
    "config",
    "store",
    "crypto",
    "outbound",
    "apps",
    "accounts",
    "messages",
    "auth",
    "delivery",
    "rpc",
    "doors",
    "gen",
    "telemetry",
  ],
  cli: [
    "model",
    "lib",
    "config",
    "store",
    "crypto",
    "outbound",
    "apps",
    "accounts",
    "messages",
    "auth",
    "delivery",
    "server",
    "telemetry",
  ],
  latchkey: ["cli", "lib"],
};

/** `npm run generate:mail` installs its packages beside the mail template. */
const isOurs = (file: string): boolean => /\.c?ts$/.test(file) && !file.split(sep).includes("node_modules");
const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter(isOurs);

const imports = files.flatMap((file) =>
  [...readFileSync(join(src, file), "utf8").matchAll(/(?:from|import|require)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => ({
    file,
    target: relative(src, normalize(join(src, dirname(file), match[1]!))).replace(/\.(c?)js$/, ".$1ts"),
  })),
);

const folderOf = (path: string): string => path.split("/")[0]!.replace(/\.c?ts$/, "");

describe("the direction of imports", () => {
  it("has imports to check, of files that exist", () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.filter(({ target }) => !files.includes(target) && target !== "gen")).toEqual([]);
  });

  it("is that of the table, in which every folder stands", () => {
    const wrong = imports.filter(({ file, target }) => {
      const [from, to] = [folderOf(file), folderOf(target)];
      return from !== to && !(allowed[from] ?? []).includes(to);
    });
    expect(wrong).toEqual([]);
    expect([...new Set(files.map(folderOf))].sort()).toEqual(Object.keys(allowed).sort());
  });

  it("leads from engines and cold aggregates to the port and the rules, and to no other engine", () => {
    const wrong = imports.filter(({ file, target }) => {
      const engine = /^store\/(sqlite|postgres|shared)\//.exec(file)?.[1];
      const near = new RegExp(`^(model/|lib/|store/(${engine}|port|shared|rules)/)`);
      return engine !== undefined && !near.test(target);
    });
    expect(wrong).toEqual([]);
  });

  it("leads from use cases, the directory, delivery and crypto to the port of the store, and to nothing behind it", () => {
    const wrong = imports.filter(
      ({ file, target }) =>
        ["apps", "accounts", "messages", "auth", "delivery", "crypto", "rpc"].includes(folderOf(file)) &&
        /^store\/(?!port\/)/.test(target),
    );
    expect(wrong).toEqual([]);
  });

  it("leaves calls over HTTP to outbound, so that no configured address is called past its rules", () => {
    const call = /\bfetch\(|\bhttps?\)?\.(request|get)\(|\bhttp2\.connect\(|"undici"/;
    const elsewhere = new Set(["outbound", "client", "gen"]);
    const callers = files.filter((file) => !elsewhere.has(folderOf(file)) && call.test(readFileSync(join(src, file), "utf8")));
    expect(callers, "carriers, by outbound's rules; a script of browsers").toEqual([
      "delivery/http/carrier-request.ts",
      "doors/inbox/page-script.ts",
    ]);
  });

  it("never leads in a circle", () => {
    expect(circles()).toEqual([]);
  });
});

/** The files that reach themselves, each with the way back. */
function circles(): string[] {
  const next = new Map<string, string[]>();
  for (const { file, target } of imports) next.set(file, [...(next.get(file) ?? []), target]);
  const found: string[] = [];
  const done = new Set<string>();
  function visit(file: string, path: readonly string[]): void {
    const at = path.indexOf(file);
    if (at >= 0) found.push([...path.slice(at), file].join(" → "));
    if (at >= 0 || done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  }
  for (const file of files) visit(file, []);
  return found;
}
