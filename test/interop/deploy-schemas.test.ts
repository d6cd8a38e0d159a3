import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { python, repository } from "./support/paths.js";
import { type Finished, run } from "./support/run.js";

// The packages bring the schemas along. Each file is also broken in one place, which shows that the schema is looked at.
const folder = mkdtempSync(join(tmpdir(), "latchkey-schemas-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = (name: string): string => join(dirname(python), name);
const checkCompose = async (path: string): Promise<Finished> =>
  await run(program("check-jsonschema"), ["--builtin-schema", "vendor.compose-spec", path]);
const checkManifest = async (path: string, version: string): Promise<Finished> =>
  await run(program("kubernetes-validate"), ["--strict", "--kubernetes-version", version, path]);

function broken(path: string, text: string, by: string): string {
  const original = readFileSync(join(repository, path), "utf8");
  if (!original.includes(text)) throw new Error(`${path} does not say ${text}`);
  const copy = join(folder, "broken.yaml");
  writeFileSync(copy, original.replace(text, by));
  return copy;
}

describe("deploy/compose.yaml", () => {
  const path = "deploy/compose.yaml";
  it("is what the Compose specification allows", async () => {
    const { exitCode, stdout, stderr } = await checkCompose(join(repository, path));
    expect(exitCode, stdout + stderr).toBe(0);
  });

  it.each([
    ["a word that does not exist", "stop_grace_period", "stop_grace_time"],
    ["a value of another type", "cap_drop: [ALL]", "cap_drop: ALL"],
  ])("would be refused with %s", async (_what, text, by) => {
    expect((await checkCompose(broken(path, text, by))).exitCode).toBe(1);
  });
});

describe.each(["1.33.0", "1.37.0"])("deploy/kubernetes by the schemas of Kubernetes %s", (version) => {
  it.each([
    ["namespace.yaml", "labels:", "lables:"],
    ["deployment.yaml", "enableServiceLinks:", "enableServiceLink:"],
    ["service.yaml", "port: 50051", "port: grpc"],
    ["pod-disruption-budget.yaml", "maxUnavailable", "maxUnavailables"],
    ["network-policy.yaml", "policyTypes: [Ingress, Egress]", "policyTypes: Ingress"],
  ])("%s is valid, and would not be with one mistake", async (name, text, by) => {
    const path = `deploy/kubernetes/${name}`;
    const { exitCode, stdout, stderr } = await checkManifest(join(repository, path), version);
    expect(exitCode, stdout + stderr).toBe(0);
    expect((await checkManifest(broken(path, text, by), version)).exitCode).not.toBe(0);
  });
});
