import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as gen from "../src/client/gen.js";

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

describe("the package", () => {
  const manifest = JSON.parse(readFileSync(path("package.json"), "utf8"));

  it("says where its home, its repository and its bug tracker are", () => {
    expect(manifest.homepage).toMatch(/^https:\/\//);
    expect(manifest.repository).toMatchObject({ type: "git", url: expect.stringMatching(/^git\+https:\/\/.+\.git$/) });
    expect(manifest.bugs.url).toMatch(/^https:\/\//);
  });

  it("says how to report a vulnerability", () => {
    expect(readFileSync(path("SECURITY.md"), "utf8")).toMatch(/^## Report a vulnerability$/m);
    expect(readFileSync(path("README.md"), "utf8")).toContain("(SECURITY.md)");
  });
});

describe("every proto file", () => {
  const files = Object.values(gen).flatMap((value) =>
    typeof value === "object" && "kind" in value && value.kind === "file" ? [value] : [],
  );

  it("names its package in Go, Java and C#, so that stubs are made without options of the caller's own", () => {
    expect(files).toHaveLength(readdirSync(path("proto/latchkey/v1")).length);
    for (const { proto } of files) {
      expect(proto.options, proto.name).toMatchObject({
        goPackage: "latchkey/v1;latchkeyv1",
        javaPackage: "latchkey.v1",
        javaMultipleFiles: true,
        csharpNamespace: "Latchkey.V1",
      });
    }
  });
});
