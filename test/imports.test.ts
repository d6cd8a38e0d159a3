import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const src = new URL("../src/", import.meta.url).pathname;

/** Who may import what, by folder or file; `gen` is generated code. Anything may import itself. */
const allowed: Record<string, readonly string[]> = {
  latchkey: ["cli"],
  cli: [
    "at-most",
    "cli",
    "app",
    "workers",
    "core",
    "config",
    "log",
    "tracer",
    "listen",
    "secret",
    "escape",
    "store",
    "crypto",
    "delivery",
    "auth",
  ],
  app: [
    "certificates",
    "core",
    "config",
    "listen",
    "maintenance",
    "metrics",
    "readiness",
    "doors",
    "rpc",
    "delivery",
    "store",
    "auth",
    "gen",
    "traced",
    "tracer",
  ],
  workers: ["auth", "config", "doors", "worker-metrics"],
  "worker-metrics": [],
  core: ["config", "auth", "crypto", "store"],
  certificates: ["auth", "config", "doors"],
  maintenance: ["auth", "crypto", "store"],
  readiness: ["auth"],
  metrics: ["auth", "crypto", "delivery", "rpc", "store", "worker-metrics"],
  tracer: ["auth", "tracing"],
  tracing: ["auth", "tracer"],
  traced: ["delivery", "store", "tracer"],
  config: ["config", "auth", "listen", "secret", "escape"],
  log: ["auth", "escape"],
  doors: ["at-most", "network", "rpc", "pages", "delivery", "gen", "tracer", "listen"],
  rpc: ["auth", "store", "crypto", "gen", "tracer"],
  auth: ["store", "crypto", "delivery"],
  crypto: ["network", "store"],
  delivery: ["store", "listen"],
  store: [],
  pages: [],
  client: ["gen"],
  gen: [],
  "at-most": [],
  listen: [],
  network: [],
  secret: [],
  escape: [],
};

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((file) => /\.c?ts$/.test(file));

const imports = files.flatMap((file) =>
  [...readFileSync(join(src, file), "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)].map((match) => ({
    file,
    target: relative(src, normalize(join(src, dirname(file), match[1]!))),
  })),
);

const partOf = (path: string): string => path.split("/")[0]!.replace(/\.(c?[jt]s)$/, "");

describe("the direction of imports", () => {
  it("finds the imports it is to check", () => {
    expect(imports.length).toBeGreaterThan(100);
  });

  it("is main → app → doors → rpc → auth → ports ← engines, providers, crypto", () => {
    const wrong = imports.filter(({ file, target }) => {
      const [from, to] = [partOf(file), partOf(target)];
      return from !== to && !(allowed[from] ?? []).includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it("keeps engines, providers and crypto to the types of the ports they know", () => {
    const wrong = imports.filter(({ file, target }) => {
      const from = partOf(file);
      const engine = /^store\/(sqlite|postgres)\//.exec(file)?.[1];
      if (engine !== undefined) return !new RegExp(`^store/(${engine}|rules)/|^store/store\\.js$`).test(target);
      return (from === "delivery" || from === "crypto") && partOf(target) === "store" && target !== "store/store.js";
    });
    expect(wrong).toEqual([]);
  });
});
