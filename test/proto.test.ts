import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as gen from "../src/client/gen.js";

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

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
