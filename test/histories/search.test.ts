import { expect, it } from "vitest";
import { history, lost } from "./invariants/hand-written.js";
import type { Plan } from "./plan.js";
import { search } from "./search.js";

/** Servers that fail whenever somebody signs in with a right code twice. */
async function run({ steps }: Plan) {
  const redeems = steps.filter(({ todo }) => todo.kind === "verify" && todo.wrong === null);
  const failure = { ...lost("use", 1, { session: "s" }), answer: { kind: "unknown" as const, reason: "INTERNAL" } };
  return history(redeems.length > 1 ? [failure] : []);
}

const options = { processes: 3, tries: 1, shrinks: true, invariants: ["foreseen"] as const, run, onGivenUp: () => {} };

it("a finding is shrunk to about the steps that it needs, and its seed finds it again", async () => {
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);
  const findings = await Promise.all(seeds.map((seed) => search({ ...options, seed })));
  const found = seeds.filter((seed) => findings[seed] !== null);
  expect(found.length).toBeGreaterThan(0);
  // Two are enough; shrinking goes one way only and may leave another.
  for (const seed of found) expect(findings[seed]!.plan.steps.length).toBeLessThanOrEqual(4);
  expect(await search({ ...options, seed: found[0]! })).toEqual(findings[found[0]!]);
});

it("a finding can be had as it was found", async () => {
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);
  const findings = await Promise.all(seeds.map((seed) => search({ ...options, shrinks: false, seed })));
  const steps = findings.flatMap((finding) => finding?.plan.steps.length ?? []);
  expect(Math.max(...steps)).toBeGreaterThan(4);
});

it("a plan whose race goes wrong now and then is run as often as asked", async () => {
  let runs = 0;
  const seldom = async (plan: Plan) => (++runs % 5 === 0 ? await run(plan) : history([]));
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);
  const given = (await Promise.all(seeds.map((seed) => search({ ...options, seed })))).findIndex((finding) => finding !== null);
  expect(await search({ ...options, run: seldom, shrinks: false, tries: 4, seed: given })).toBeNull();
  runs = 0;
  expect(await search({ ...options, run: seldom, shrinks: false, tries: 9, seed: given })).not.toBeNull();
  expect(runs).toBe(5);
});

it("a history that could not be run is no right one", async () => {
  const run = () => Promise.reject(new Error("no server"));
  await expect(search({ ...options, run, seed: 1 })).rejects.toThrow("no server");
});

it("only the invariants that are asked about are reported", async () => {
  const seeds = Array.from({ length: 30 }, (_, seed) => seed);
  const findings = await Promise.all(seeds.map((seed) => search({ ...options, invariants: ["budgets"], seed })));
  expect(findings.filter((one) => one !== null)).toEqual([]);
});
